// The story of ../README.md, lived with the client that OpenAPI Generator makes.

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import nod.ApiClient;
import nod.ApiException;
import nod.api.AdminBootstrapApi;
import nod.api.AdminClientsApi;
import nod.api.AdminDevicesApi;
import nod.api.AdminPairingKeysApi;
import nod.api.AdminUsersApi;
import nod.api.CibaApi;
import nod.api.OAuthApi;
import nod.api.OpenIdConnectApi;
import nod.model.BackchannelAuthenticationResponse;
import nod.model.ClientPatch;
import nod.model.FirstAdministrator;
import nod.model.ClientCreation;
import nod.model.UserCreation;
import nod.model.OAuthError;
import nod.model.OAuthErrorCode;
import nod.model.Problem;
import nod.model.ProblemCode;
import nod.model.TokenResponse;
import nod.model.User;

final class Story {
    private static final String ISSUER = System.getenv("NOD_ISSUER");
    private static final String CIBA = "urn:openid:params:grant-type:ciba";
    private static final Duration LIMIT = Duration.ofSeconds(30);

    /** A call that is refused. */
    private interface Call {
        void make() throws ApiException;
    }

    private static ApiClient client(String authorization) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(ISSUER);
        client.setRequestInterceptor(request -> request.header("Authorization", authorization));
        return client;
    }

    private static ApiClient bearer(String token) {
        return client("Bearer " + token);
    }

    private static ApiClient basic(String id, String secret) {
        byte[] credentials = (id + ":" + secret).getBytes(StandardCharsets.UTF_8);
        return client("Basic " + Base64.getEncoder().encodeToString(credentials));
    }

    private static void same(Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    /** The error, as the type that the document names. */
    private static <T> T refused(int status, Class<T> type, Call call) throws Exception {
        try {
            call.make();
        } catch (ApiException error) {
            same(status, error.getCode());
            return new ApiClient().getObjectMapper().readValue(error.getResponseBody(), type);
        }
        throw new AssertionError("not refused");
    }

    private static ApiClient administrator() throws Exception {
        String token = Files.readString(Path.of(System.getenv("NOD_BOOTSTRAP"))).strip();
        var first = new AdminBootstrapApi(bearer(token)).bootstrapAdministrator(new FirstAdministrator().clientName("Java"));
        ApiClient credentials = basic(first.getClient().getClientId(), first.getClientSecret());
        var answer = new OAuthApi(credentials).requestToken("client_credentials", null, null, null, null, null, null, null, null, null, null, null, null, "nod:admin", null, null);
        System.out.println("1-2  the first administrator has a token");
        return bearer(answer.getAccessToken());
    }

    private static ApiClient kiosk(ApiClient admin) throws Exception {
        var clients = new AdminClientsApi(admin);
        var made = clients.createClient(new ClientCreation().clientId("kiosk").clientName("Kiosk"), null);

        var read = clients.getClientWithHttpInfo("kiosk");
        same("Kiosk", read.getData().getClientName());
        String etag = read.getHeaders().get("etag").get(0);

        ClientPatch patch = new ClientPatch().clientName("Kiosk at the door");
        same("Kiosk at the door", clients.updateClient("kiosk", patch, etag).getClientName());
        Problem stale = refused(412, Problem.class, () -> clients.updateClient("kiosk", patch, etag));
        same(ProblemCode.PRECONDITION_FAILED, stale.getCode());
        System.out.println("3-6  kiosk is registered and renamed; an old tag is refused");
        return basic("kiosk", made.getClientSecret());
    }

    private static User bob(ApiClient admin) throws Exception {
        var users = new AdminUsersApi(admin);
        List<User> found = users.listUsers("bob", null, null, null, null, null, null).getItems();
        same(List.of("bob"), found.stream().map(User::getUsername).toList());

        UserCreation body = new UserCreation().username("bob").name("Bob");
        Problem second = refused(409, Problem.class, () -> users.createUser(body, null));
        same(ProblemCode.USERNAME_TAKEN, second.getCode());

        users.deleteUser(found.get(0).getId(), null);
        User made = users.createUser(body, null);
        same("Bob", made.getName());
        System.out.println("7-8  bob was there, went, and came again");
        return made;
    }

    private static Process phone(ApiClient admin, User user) throws Exception {
        var key = new AdminPairingKeysApi(admin).createPairingKey(user.getId(), null, null);
        Process process = new ProcessBuilder(System.getenv("NOD_BIN"), "phone", "--server", ISSUER, "--user", "bob",
                "--state", System.getenv("NOD_PHONE"), "--pairing-key-stdin", "--auto", "approve", "--after", "2s", "--once")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
        try (var input = process.outputWriter()) {
            input.write(key.getKey() + "\n");
        }

        var devices = new AdminDevicesApi(admin);
        Instant end = Instant.now().plus(LIMIT);
        while (devices.listUserDevices(user.getId(), null, null, null, null).getItems().isEmpty()) {
            same(true, Instant.now().isBefore(end));
            Thread.sleep(100);
        }
        System.out.println("9    bob's phone is paired");
        return process;
    }

    private static TokenResponse ask(ApiClient client) throws Exception {
        BackchannelAuthenticationResponse asked =
            new CibaApi(client).requestBackchannelAuthentication("openid profile", "bob", null, null, null, null, null, null, null, null, null);
        var tokens = new OAuthApi(client);
        Call poll = () -> tokens.requestToken(CIBA, null, null, null, asked.getAuthReqId(), null, null, null, null, null, null, null, null, null, null, null);
        OAuthError pending = refused(400, OAuthError.class, poll);
        same(OAuthErrorCode.AUTHORIZATION_PENDING, pending.getError());
        System.out.println("10-11  bob is asked; the answer is pending");

        Instant end = Instant.now().plus(LIMIT);
        while (true) {
            Thread.sleep(Duration.ofSeconds(asked.getInterval()).toMillis());
            try {
                TokenResponse answer = tokens.requestToken(CIBA, null, null, null, asked.getAuthReqId(), null, null, null, null, null, null, null, null, null, null, null);
                System.out.println("12   bob approved; there are tokens");
                return answer;
            } catch (ApiException error) {
                var refusal = client.getObjectMapper().readValue(error.getResponseBody(), OAuthError.class);
                same(OAuthErrorCode.AUTHORIZATION_PENDING, refusal.getError());
                same(true, Instant.now().isBefore(end));
            }
        }
    }

    private static void use(ApiClient client, TokenResponse tokens) throws Exception {
        var resource = new OpenIdConnectApi(bearer(tokens.getAccessToken()));
        var claims = resource.getUserInfo();
        same(false, claims.getSub().isEmpty());
        same("Bob", claims.getName());

        new OAuthApi(client).revokeToken(tokens.getAccessToken(), null);
        OAuthError refused = refused(401, OAuthError.class, resource::getUserInfo);
        same(OAuthErrorCode.INVALID_TOKEN, refused.getError());
        System.out.println("13-14  UserInfo was read; the token is revoked");
    }

    public static void main(String[] arguments) throws Exception {
        ApiClient admin = administrator();
        ApiClient client = kiosk(admin);
        Process process = phone(admin, bob(admin));
        try {
            use(client, ask(client));
            same(true, process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS));
            same(0, process.exitValue());
        } finally {
            process.destroy();
        }
    }
}
