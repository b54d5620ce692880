// The generated Kotlin against the vectors: what a phone signs, byte for byte, through a key and an HTTP stack of this
// language.

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import java.io.File
import java.math.BigInteger
import java.nio.ByteBuffer
import java.security.AlgorithmParameters
import java.security.KeyFactory
import java.security.MessageDigest
import java.security.PrivateKey
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import java.security.spec.ECParameterSpec
import java.security.spec.ECPoint
import java.security.spec.ECPrivateKeySpec
import java.security.spec.ECPublicKeySpec
import java.security.spec.PKCS8EncodedKeySpec
import java.time.Instant
import java.util.Base64
import javax.crypto.Cipher
import javax.crypto.KeyAgreement
import javax.crypto.spec.GCMParameterSpec
import javax.crypto.spec.SecretKeySpec
import kotlin.system.exitProcess
import nod.device.*

val vectors = File(System.getProperty("nod.vectors"))
var passed = 0
var failed = 0

fun test(name: String, run: () -> Unit) {
    try {
        run()
        passed++
    } catch (fault: Throwable) {
        failed++
        println("not ok: $name: $fault")
    }
}

fun same(found: Any?, expected: Any?) {
    if (found != expected) throw AssertionError("found $found, expected $expected")
}

fun refused(run: () -> Unit): DeviceException.Failed {
    try {
        run()
    } catch (fault: DeviceException.Failed) {
        return fault
    }
    throw AssertionError("nothing was refused")
}

fun read(name: String): JsonObject = JsonParser.parseString(File(vectors, name).readText()).asJsonObject

fun JsonObject.text(name: String): String = get(name).asString

fun JsonObject.maybe(name: String): String? = get(name)?.takeUnless { it.isJsonNull }?.asString

fun JsonObject.objects(name: String): List<JsonObject> {
    val found = getAsJsonArray(name).map(JsonElement::getAsJsonObject)
    if (found.isEmpty()) throw AssertionError("no $name")
    return found
}

fun bytes(base64url: String): ByteArray = Base64.getUrlDecoder().decode(base64url)

fun millis(time: String): Long = Instant.parse(time).toEpochMilli()

fun part(jws: String, number: Int): String = String(bytes(jws.split('.')[number]))

/** What differs each time. */
fun String.withoutJti(): String = replace(Regex("\"jti\":\"[^\"]{22}\""), "\"jti\":\"\"")

/** As a key store has it: it tells the public point, and signs in DER. */
class Key(json: JsonObject) : SigningKey {
    private val own: PrivateKey =
        KeyFactory.getInstance("EC").generatePrivate(PKCS8EncodedKeySpec(bytes(json.text("pkcs8"))))
    private val point = point(json.getAsJsonObject("jwk"))

    override fun publicKey(): ByteArray = point

    override fun sign(signingInput: ByteArray): ByteArray =
        Signature.getInstance("SHA256withECDSA").run {
            initSign(own)
            update(signingInput)
            sign()
        }
}

fun point(jwk: JsonObject): ByteArray = byteArrayOf(4) + bytes(jwk.text("x")) + bytes(jwk.text("y"))

/** Whether the whole JWS has a signature in its one form. That it is a good one, the issuer's vectors show. */
fun isWhole(jws: String): Boolean {
    val signature = bytes(jws.split('.')[2])
    return signature.size == 64 && BigInteger(1, signature) != BigInteger.ZERO
}

/** A server that answers by what is asked, and keeps what it was sent. */
class Server(val answer: (HttpRequest) -> HttpAnswer?) : Http {
    val received = mutableListOf<HttpRequest>()

    override fun send(request: HttpRequest): HttpAnswer {
        received += request
        return answer(request) ?: throw HttpFault.Unreachable()
    }
}

fun json(status: Int, body: String, vararg headers: Pair<String, String>): HttpAnswer =
    HttpAnswer(status.toUShort(), mapOf("content-type" to "application/json") + headers, body.toByteArray())

fun problem(status: Int, code: String, vararg headers: Pair<String, String>): HttpAnswer =
    json(status, "{\"status\":$status,\"code\":\"$code\"}", "content-type" to "application/problem+json", *headers)

class At(private val time: Long) : Clock {
    override fun now(): Long = time
}

fun question(json: JsonObject): Question {
    val context = json.getAsJsonObject("clientContext")
    val matching = json.get("numberMatching")?.takeUnless { it.isJsonNull }?.asJsonObject
    return Question(
        json.text("notificationId"), json.text("deviceId"), json.text("userId"), QuestionKind.valueOf(json.text("type")),
        json.text("title"), json.text("body"), context(context), newDevice(json),
        matching?.let {
            if (it.text("type") == "ENTER_MANUALLY") NumberMatching.EnterManually
            else NumberMatching.SelectNumber(it.getAsJsonArray("options").map { option -> option.asInt.toUInt() })
        },
        millis(json.text("issuedAt")), millis(json.text("expiresAt")), json.get("timeoutDuration").asLong.toULong(),
    )
}

fun newDevice(json: JsonObject) = json.getAsJsonObject("newDevice")?.let {
    NewDevice(it.maybe("model"), it.maybe("os"), it.maybe("application"))
}

fun context(json: JsonObject) = ClientContext(
    json.text("clientId"), json.text("clientName"), json.maybe("bindingMessage"), json.text("scope"), json.maybe("acr"),
)

fun token(json: JsonObject) = PushToken(json.text("provider"), json.text("environment"), json.text("token"))

fun installation(json: JsonObject) = InstallationInfo(
    json.text("platform"), json.maybe("name"), json.maybe("model"), json.maybe("osVersion"), json.maybe("appVersion"),
    json.maybe("sdkVersion"), json.maybe("application"),
)

/** Does what a vector of a call describes; nothing where this surface does it as a part of something else. */
fun perform(device: Device, call: JsonObject): Unit? {
    when (call.text("type")) {
        "pair" -> call.getAsJsonObject("request").let {
            device.pair(it.text("pairingKey"), installation(it.getAsJsonObject("installation")))
        }
        "pending" -> device.pending()
        "me" -> device.me()
        "notification" -> device.notification(call.text("id"))
        "approve" -> device.approve(
            question(call.getAsJsonObject("notification")), call.maybe("number")?.toUInt(),
            call.getAsJsonArray("amr").map(JsonElement::getAsString),
        )
        "choose" -> device.choose(
            question(call.getAsJsonObject("notification")), NewDeviceChoice.valueOf(call.text("choice")),
            call.maybe("number")?.toUInt(), call.getAsJsonArray("amr").map(JsonElement::getAsString),
        )
        "deny" -> device.deny(question(call.getAsJsonObject("notification")), DenyReason.valueOf(call.text("reason")))
        "unpair" -> device.unpairDevice(call.text("device"))
        "setPushToken" -> device.setPushToken(token(call.getAsJsonObject("token")))
        "removePushToken" -> device.removePushToken()
        "allowPushNotifications" -> device.allowPushNotifications(call.get("enabled").asBoolean)
        else -> return null
    }
    return Unit
}

fun proofs() {
    val file = read("proof.json")
    val (issuer, key, clock) = Triple(file.text("issuer"), Key(file.getAsJsonObject("key")), At(millis(file.text("now"))))
    val state = "{\"issuer\":\"$issuer\",\"installationId\":\"${file.text("installationId")}\",\"users\":[]}"
    val performed = mutableSetOf<String>()
    for (vector in file.objects("vectors")) test(vector.text("name")) {
        // The first answer tells the nonce that the vector has; the second is none that the call could use.
        val nonce = vector.maybe("nonce")
        var asked = 0
        val server = Server {
            if (nonce != null && asked++ == 0) problem(401, "USE_DEVICE_NONCE", "Device-Nonce" to nonce)
            else problem(503, "TEMPORARILY_UNAVAILABLE", "Retry-After" to "7")
        }
        val device = Device.restore(state, key, server, clock)
        val fault = try {
            perform(device, vector.getAsJsonObject("call")) ?: return@test
            null
        } catch (fault: DeviceException.Failed) {
            fault
        }
        performed += vector.getAsJsonObject("call").text("type")
        same(fault?.code, "TEMPORARILY_UNAVAILABLE")
        same(listOf(fault?.number, fault?.retryable, fault?.retryAfterSeconds), listOf(10003.toUShort(), true, 7uL))
        val sent = server.received.last()
        same(server.received.size, if (nonce == null) 1 else 2)
        same(sent.method, vector.text("method"))
        same(sent.url, vector.text("url"))
        same(sent.body?.let(::String), vector.maybe("body"))
        val proof = sent.headers.getValue("Device-Proof")
        same(part(proof, 0), file.text("header"))
        same(part(proof, 1).withoutJti(), vector.text("claims").withoutJti())
        same(isWhole(proof), true)
        same(server.received.map { part(it.headers.getValue("Device-Proof"), 1) }.toSet().size, server.received.size)
    }
    test("most calls were performed") { same(performed.size, 11) }
}

fun rotation() = test("a key is replaced by another, which agrees") {
    val file = read("proof.json")
    val (installation, rotation) = file.text("installationId") to file.getAsJsonObject("rotation")
    val new = Key(rotation.getAsJsonObject("key"))
    val server = Server { request ->
        val body = if (request.url.endsWith("/rotate")) "{\"installationId\":\"$installation\"}" else "{\"notifications\":[]}"
        json(200, body, "Device-Nonce" to rotation.text("nonce"))
    }
    val state = "{\"issuer\":\"${file.text("issuer")}\",\"installationId\":\"$installation\",\"users\":[]}"
    val device = Device.restore(state, Key(file.getAsJsonObject("key")), server, At(millis(file.text("now"))))
    fun signedBy(proof: String) = JsonParser.parseString(part(proof, 0)).asJsonObject.getAsJsonObject("jwk")
    fun lastSignedBy() = signedBy(server.received.last().headers.getValue("Device-Proof"))
    device.pending()
    val old = lastSignedBy()
    val rotated = device.rotateKey(new)
    val body = JsonParser.parseString(server.received.last().body?.let(::String)).asJsonObject
    same(lastSignedBy(), old)
    same(body.getAsJsonObject("newJwk"), rotation.getAsJsonObject("key").getAsJsonObject("jwk"))
    same(part(body.text("proofByNew"), 1).withoutJti(), rotation.text("claims").withoutJti())
    same(signedBy(body.text("proofByNew")), body.getAsJsonObject("newJwk"))
    device.pending()
    same(lastSignedBy(), old)
    rotated.activate()
    device.pending()
    same(lastSignedBy(), body.getAsJsonObject("newJwk"))
}

fun people() = test("several people on one phone, and what is stored of them") {
    val key = Key(read("proof.json").getAsJsonObject("key"))
    fun id(number: Int) = "00000000-0000-4000-8000-%012d".format(number)
    var paired = 0
    val server = Server { request ->
        if (request.method == "DELETE") HttpAnswer(204.toUShort(), mapOf(), byteArrayOf())
        else json(
            201,
            """{"deviceId":"${id(++paired)}","installationId":"${id(99)}",
                "user":{"userId":"${id(paired + 100)}","username":"person $paired"}}""",
        )
    }
    val device = Device("https://id.example", key, server)
    same(device.installationId(), null)
    for (number in 1..2) device.pair("0123 4567 8901", InstallationInfo(platform = "TEST"))
    val restored = Device.restore(device.state(), key, server)
    same(restored.users().map { it.user.username }, listOf("person 1", "person 2"))
    same(restored.installationId(), id(99))
    same(restored.state(), device.state())
    restored.unpairDevice(id(1))
    same(restored.users().map { it.deviceId }, listOf(id(2)))
    same(server.received.last().url, "https://id.example/device/v1/devices/${id(1)}")
    restored.unpair()
    same(restored.users(), listOf<PairedDevice>())
    same(refused { Device.restore("{}", key, server) }.code, "STATE_INVALID")
}

fun payloads() {
    val file = read("payload.json")
    val key = Key(file.getAsJsonObject("key"))
    for (vector in file.objects("vectors")) test("payload: ${vector.text("name")}") {
        val installation = vector.maybe("installationId")?.let { "\"installationId\":\"$it\"," } ?: ""
        val state = "{\"issuer\":\"${file.text("issuer")}\",$installation\"users\":[]}"
        val device = Device.restore(state, key, Server { null }, At(file.get("iat").asLong * 1000))
        val facts = vector.getAsJsonObject("facts")
        val payload = device.generateMobilePayload(
            PayloadFacts(
                facts.text("applicationId"), facts.text("platform"), facts.text("package"), facts.maybe("appVersion"),
                facts.maybe("sdkVersion"), facts.maybe("osVersion"), facts.maybe("model"), facts.maybe("locale"),
                facts.getAsJsonObject("push")?.let {
                    PushState(token(it.getAsJsonObject("token")), it.get("enabled").asBoolean, it.get("permitted").asBoolean)
                },
                facts.getAsJsonObject("signals")?.let {
                    Signals(it.get("rooted").asBoolean, it.get("debugger").asBoolean, it.get("hook").asBoolean)
                },
                facts.maybe("boundTo"),
            ),
        )
        same(part(payload, 0), file.text("header"))
        // It fills in its own version where the app says none.
        val claims = part(payload, 1).withoutJti()
        val comparable = if (facts.has("sdkVersion")) claims else claims.replace(Regex(",\"sdkv\":\"[^\"]+\""), "")
        same(comparable, vector.text("claims").withoutJti())
    }
}

/** Opened by the JDK and not by what is tested: ECDH-ES and A256GCM. */
fun opened(payload: String, scalar: ByteArray): String {
    val parts = payload.split('.')
    val header = JsonParser.parseString(String(bytes(parts[0]))).asJsonObject
    val curve = AlgorithmParameters.getInstance("EC").apply { init(ECGenParameterSpec("secp256r1")) }
        .getParameterSpec(ECParameterSpec::class.java)
    val epk = header.getAsJsonObject("epk")
    val point = ECPoint(BigInteger(1, bytes(epk.text("x"))), BigInteger(1, bytes(epk.text("y"))))
    val keys = KeyFactory.getInstance("EC")
    val agreement = KeyAgreement.getInstance("ECDH")
    agreement.init(keys.generatePrivate(ECPrivateKeySpec(BigInteger(1, scalar), curve)))
    agreement.doPhase(keys.generatePublic(ECPublicKeySpec(point, curve)), true)
    val number = { value: Int -> ByteBuffer.allocate(4).putInt(value).array() }
    val name = header.text("enc").toByteArray()
    val input = number(1) + agreement.generateSecret() + number(name.size) + name + number(0) + number(0) + number(256)
    val content = SecretKeySpec(MessageDigest.getInstance("SHA-256").digest(input), "AES")
    val cipher = Cipher.getInstance("AES/GCM/NoPadding")
    cipher.init(Cipher.DECRYPT_MODE, content, GCMParameterSpec(128, bytes(parts[2])))
    cipher.updateAAD(parts[0].toByteArray())
    return String(cipher.doFinal(bytes(parts[3]) + bytes(parts[4])))
}

fun encryptedPayloads() {
    val file = read("payload_encryption.json")
    val (issuer, scalar) = "https://id.example" to bytes(file.text("private"))
    val server = Server { request ->
        when {
            request.url.endsWith("/openid-configuration") -> json(200, "{\"issuer\":\"$issuer\",\"jwks_uri\":\"$issuer/jwks\"}")
            else -> json(200, file.get("jwks").toString())
        }
    }
    test("a payload for the issuer alone") {
        same(opened(file.text("encrypted"), scalar), file.text("payload"))
        val device = Device(issuer, Key(read("proof.json").getAsJsonObject("key")), server)
        val facts = PayloadFacts(
            "shop-app", "android", "com.example.shop", null, null, null, null, null, null, null, null,
        )
        val encrypted = device.generateEncryptedMobilePayload(facts)
        val header = JsonParser.parseString(part(encrypted, 0)).asJsonObject
        val expected = JsonParser.parseString(file.text("header")).asJsonObject
        for (name in listOf("alg", "enc", "kid", "cty")) same(header.text(name), expected.text(name))
        same(header.keySet().toList(), expected.keySet().toList())
        val claims = JsonParser.parseString(part(opened(encrypted, scalar), 1)).asJsonObject
        same(claims.text("app") to claims.text("aud"), "shop-app" to issuer)
    }
}

fun idTokens() {
    val file = read("id_token.json")
    val issuer = file.text("issuer")
    val server = Server { request ->
        when {
            request.url.endsWith("/openid-configuration") -> json(200, "{\"issuer\":\"$issuer\",\"jwks_uri\":\"$issuer/jwks\"}")
            request.url.endsWith("/jwks") -> json(200, file.get("keys").toString())
            request.url.endsWith("/deny") -> HttpAnswer(204.toUShort(), mapOf(), byteArrayOf())
            else -> json(
                200,
                """{"user":{"id":"66666666-7777-4888-9999-aaaaaaaaaaaa","display":"Alice"},
                    "application":{"id":"shop-app","name":"Shop"},"expiresAt":"2026-03-01T12:04:50Z"}""",
            )
        }
    }
    val key = Key(read("proof.json").getAsJsonObject("key"))
    val device = Device(issuer, key, server, At(millis(file.text("now"))))
    val expected = Expectations(file.text("clientId"), file.text("nonce"))
    for (vector in file.objects("accepted")) test("ID token: ${vector.text("name")}") {
        val processed = device.processIdToken(vector.text("idToken"), expected)
        val offer = vector.getAsJsonObject("offer")
        when {
            offer != null -> (processed as Processed.Offer).offer.let {
                same(server.received.last().url, "$issuer/device/v1/enrollments/${offer.text("ticket")}")
                same(it.user().display to it.application().name, "Alice" to "Shop")
                it.deny()
                same(server.received.last().url.substringAfterLast('/'), "deny")
            }
            vector.has("reason") -> same((processed as Processed.NotEnrolled).reason, vector.text("reason"))
            else -> same(processed, Processed.Nothing)
        }
    }
    for (vector in file.objects("refused")) test("no ID token: ${vector.text("name")}") {
        same(refused { device.processIdToken(vector.text("idToken"), expected) }.code, vector.text("code"))
    }
}

fun texts() {
    for (vector in read("context.json").objects("vectors")) test("shown: ${vector.text("name")}") {
        val shown = vector.getAsJsonObject("shown")
        val context = context(shown.getAsJsonObject("clientContext"))
        val hash = contextHash(shown.text("title"), shown.text("body"), context, shown.text("notificationId"), newDevice(shown))
        same(hash, vector.text("contextHash"))
    }
    for (vector in read("thumbprint.json").objects("vectors")) test("thumbprint: ${vector.text("name")}") {
        same(thumbprint(point(vector.getAsJsonObject("jwk"))), vector.text("thumbprint"))
    }
    for (vector in read("passcode.json").objects("vectors")) test("passcode: ${vector.text("passcode")}") {
        val key = Base64.getUrlDecoder().decode(vector.text("key"))
        same(oneTimePasscode(key, vector.get("seconds").asLong * 1000), vector.text("passcode"))
    }
    val links = read("pairing_link.json")
    for (vector in links.objects("accepted")) test("scanned: ${vector.text("text")}") {
        same(parseScanned(vector.text("text")), ScannedText(vector.maybe("issuer"), vector.text("key")))
    }
    for (vector in links.objects("refused")) test("not scanned: ${vector.text("text")}") {
        same(refused { parseScanned(vector.text("text")) }.code, vector.text("code"))
    }
    test("a push") {
        val id = "3d0c8a1e-5f0b-4d52-9a53-6a1d0c1f2b3a"
        same(readPush("{\"type\":\"AUTHENTICATION\",\"notificationId\":\"$id\"}"), PushMessage(PushKind.AUTHENTICATION, id))
        same(readPush("{}"), null)
        val silent = readPush("{\"type\":\"SILENT_VERIFY\",\"notificationId\":\"$id\",\"pv\":\"AAECAwQFBgcICQoLDA0ODw\"}")
        same(silent?.kind, PushKind.SILENT_VERIFY)
        same(silent?.pv?.toList(), (0..15).map { it.toByte() })
    }
    test("events, in pieces") {
        val stream = "event: ready\ndata: {}\n\nevent: unpaired\ndata: {}\n\n".toByteArray()
        val decoder = EventDecoder()
        same(stream.flatMap { decoder.push(byteArrayOf(it)) }, listOf(Event.Ready, Event.Unpaired))
    }
}

/** What another language throws is an error here, and no crash. */
fun faults() {
    val key = Key(read("proof.json").getAsJsonObject("key"))
    val broken = object : SigningKey {
        override fun publicKey() = key.publicKey()
        override fun sign(signingInput: ByteArray): ByteArray = throw IllegalStateException("the key store is gone")
    }
    val shy = object : SigningKey {
        override fun publicKey() = key.publicKey()
        override fun sign(signingInput: ByteArray): ByteArray = throw KeyFault.Declined()
    }
    test("a key that fails") {
        same(refused { Device("https://id.example", broken, Server { null }).me() }.code, "KEY_UNAVAILABLE")
        same(refused { Device("https://id.example", shy, Server { null }).me() }.code, "KEY_DECLINED")
    }
    test("a network that fails") {
        same(refused { Device("https://id.example", key, Server { null }).me() }.number, 10004.toUShort())
        same(refused { Device("https://id.example", key, Server { error("no such host") }).me() }.code, "UNREACHABLE")
    }
    test("what is asked too early") {
        val device = Device("https://id.example", key, Server { null })
        val question = question(read("proof.json").objects("vectors").first { it.getAsJsonObject("call").has("notification") }
            .getAsJsonObject("call").getAsJsonObject("notification"))
        same(refused { device.deny(question, DenyReason.NONE) }.code, "DEVICE_UNKNOWN")
    }
    test("a self test says why") {
        val checks = Device("https://id.example", broken, Server { null }).selfTest(null)
        same(checks.first { it.subject == CheckSubject.KEY }.run { verdict to code }, CheckVerdict.FAIL to "KEY_UNAVAILABLE")
        same(checks.first { it.subject == CheckSubject.SERVER }.run { verdict to code }, CheckVerdict.SKIPPED to null)
    }
}

fun main() {
    proofs()
    rotation()
    people()
    payloads()
    encryptedPayloads()
    idTokens()
    texts()
    faults()
    println("$passed passed, $failed failed")
    exitProcess(if (failed == 0 && passed >= 140) 0 else 1)
}
