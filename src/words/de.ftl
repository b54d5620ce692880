# Kurz und aktiv, mit „Sie“; keine Fachwörter; niemand ist schuld.

## Around every page

title = { $page }
error-title = Fehler: { $page }
skip = Zum Inhalt springen
languages = Sprache
help = Hilfe
privacy = Datenschutz
terms = Nutzungsbedingungen
problem = Etwas stimmt noch nicht
problems = Einiges stimmt noch nicht
expires = Sie haben für diese Seite { $span } Zeit.
seconds =
    { $n ->
        [one] eine Sekunde
       *[other] { $n } Sekunden
    }
minutes =
    { $n ->
        [one] eine Minute
       *[other] { $n } Minuten
    }
hours =
    { $n ->
        [one] eine Stunde
       *[other] { $n } Stunden
    }
days =
    { $n ->
        [one] ein Tag
       *[other] { $n } Tage
    }
cancel = Abbrechen
continue = Weiter
back-to = Zurück zu { $client }
back-to-app = Zurück zur App
may-close = Sie können diese Seite schließen.
slow-down = Das war zu oft. Warten Sie { $span } und versuchen Sie es dann noch einmal.
page-expired = Diese Seite war zu lange offen. Versuchen Sie es noch einmal.

## Sign-in

sign-in = Anmelden
sign-in-to = weiter zu { $client }
username = Benutzername
password = Passwort
show-password = Passwort anzeigen
username-missing = Geben Sie Ihren Benutzernamen ein.
password-missing = Geben Sie Ihr Passwort ein.
forgot-password = Passwort vergessen?
signed-in-as = Angemeldet als { $name }
other-account = Anderes Konto verwenden
asked-again = Melden Sie sich noch einmal an, um fortzufahren.
asked-again-by = { $client } bittet Sie, sich noch einmal anzumelden.
long-ago = Ihre letzte Anmeldung ist eine Weile her. Melden Sie sich noch einmal an, um fortzufahren.
stronger-needed = Hierfür ist eine stärkere Anmeldung nötig als zuvor.
other-ways = Andere Wege, sich anzumelden
way-passkey = Passkey verwenden
way-password = Passwort verwenden
wrong-credentials = Benutzername oder Passwort stimmt nicht. Prüfen Sie beides und versuchen Sie es noch einmal.
sign-in-given-up = Sie haben sich nicht angemeldet. Wenn Sie es möchten, beginnen Sie in der App noch einmal.
second-factor-done = Mehr ist hier nicht nötig. Sie können weitermachen.

## Passkeys

passkey = Ihren Passkey verwenden
passkey-note = Ihr Browser bittet Sie um Bestätigung mit Fingerabdruck, Gesicht, PIN oder Sicherheitsschlüssel.
passkey-failed = Das hat nicht geklappt. Versuchen Sie es noch einmal, oder nehmen Sie einen anderen Weg.
passkey-needs-script = Passkeys brauchen JavaScript. Schalten Sie es ein, oder nehmen Sie einen anderen Weg.
passkeys = Ihre Passkeys
passkeys-note = Mit einem Passkey melden Sie sich ohne Passwort an. Er bleibt auf Ihren Geräten, und keine andere Website kann danach fragen.
passkeys-none = Sie haben noch keine Passkeys.
passkey-name = Name des Passkeys
passkey-bad-name = Ein Name hat 1 bis 64 Zeichen.
passkey-added = Hinzugefügt am { $day }
passkey-used = zuletzt verwendet am { $day }
passkey-never-used = noch nie verwendet
passkey-rename = Namen von { $name } speichern
passkey-remove = { $name } entfernen
passkey-add = Passkey hinzufügen
passkey-add-note = Geben Sie ihm einen Namen, an dem Sie ihn wiedererkennen. Ihr Browser fragt dann, wo er aufbewahrt werden soll.
passkey-make = Passkey erstellen
passkey-not-made = Der Passkey wurde nicht erstellt. Versuchen Sie es noch einmal.
passkey-too-many = Sie haben so viele Passkeys, wie man haben kann. Entfernen Sie zuerst einen.
passkey-gone = Diesen Passkey gibt es nicht mehr.
confirm = Bestätigen Sie, dass Sie es sind
confirm-note = Sie sind dabei zu ändern, womit Sie sich anmelden.

## Applications

applications = Apps mit Zugang
applications-note = Diese Apps dürfen Ihr Konto verwenden, ohne noch einmal zu fragen. Entziehen Sie einer den Zugang, muss sie beim nächsten Mal wieder fragen.
applications-none = Keine App hat Zugang zu Ihrem Konto.
application-since = Seit { $day }
application-withdraw = { $client } den Zugang entziehen
application-gone = Diese App hat keinen Zugang mehr.

## Devices

own-devices = Ihre Geräte
own-devices-note = Damit zeigen Sie bei der Anmeldung, dass Sie es sind. Entfernen Sie, was Sie nicht mehr haben.
own-devices-none = Sie haben noch keine Geräte.
own-device-name = Name des Telefons
own-device-app = Authenticator-App
own-device-primary = wird zuerst gefragt
own-device-blocked = von der Verwaltung gesperrt
own-device-pushed = bekommt Benachrichtigungen
own-device-not-pushed = bekommt keine Benachrichtigungen
own-device-first = { $name } zuerst fragen
own-device-remove = Entfernen
own-device-gone = Dieses Gerät gibt es nicht mehr.
phone-add = Telefon hinzufügen
phone-add-note = Geben Sie diesen Code in der App auf dem Telefon ein. Er gilt einmal. Zeigen Sie ihn niemandem.
phone-add-link = App auf diesem Telefon öffnen
phone-add-came = Das Telefon hat ihn
phone-add-not-yet = Mit diesem Code hat sich noch kein Telefon gemeldet.
phone-add-over = Dieser Code gilt nicht mehr. Holen Sie sich einen neuen.
phone-add-too-many = Sie haben so viele unbenutzte Codes, wie man haben kann. Verwenden Sie einen davon, oder warten Sie, bis sie abgelaufen sind.

## Consent

consent = Darf { $client } Ihr Konto verwenden?
consent-asks = { $client } möchte:
consent-asks-more = { $client } darf schon einiges. Jetzt möchte die App außerdem:
website = Website
account = Konto
unverified = Nicht geprüft
unverified-note = Niemand hier hat geprüft, wer hinter dieser App steht. Stimmen Sie nur zu, wenn Sie die Website kennen und ihr vertrauen.
needed = Nötig
optional = Sie haben die Wahl
scope-openid = Wissen, dass Sie es sind
scope-profile = Ihren Namen und Ihr Profil sehen
scope-email = Ihre E-Mail-Adresse sehen
scope-phone = Ihre Telefonnummer sehen
scope-address = Ihre Postanschrift sehen
scope-offline = Den Zugang behalten, wenn Sie nicht da sind
scope-offline-note = { $client } kann ihn jederzeit nutzen, bis er wieder entzogen wird.
details = Im Einzelnen
client-privacy = Datenschutzerklärung von { $client }
client-terms = Nutzungsbedingungen von { $client }
consent-lasts = Das gilt, bis Sie es in Ihrem Konto unter „Apps mit Zugang“ widerrufen.
consent-lasts-but = Was unter „Im Einzelnen“ steht, gilt nur dieses eine Mal. Alles andere gilt, bis Sie es in Ihrem Konto unter „Apps mit Zugang“ widerrufen.
allow = Zulassen

## Choose a method

method = Wie möchten Sie bestätigen, dass Sie es sind?
method-phone = Auf { $device } bestätigen
method-passkey = Passkey
method-passkey-named = Passkey „{ $name }“
method-app = Code aus Ihrer Authenticator-App
method-sms = SMS an die Nummer mit den letzten Ziffern { $ending }
method-voice = Anruf bei der Nummer mit den letzten Ziffern { $ending }
method-mail = E-Mail an { $address }
method-recovery = Wiederherstellungscode
method-missing = Wählen Sie einen der Wege.
method-gone = Dieser Weg geht nicht mehr. Wählen Sie einen anderen.

## Asked on a phone

push = Bestätigen Sie auf Ihrem Telefon
push-asked = Wir haben Sie auf { $device } gefragt. Öffnen Sie dort die App und antworten Sie.
push-asked-new = Wir haben auf { $device } gefragt, ob dieses Gerät Ihnen gehört. Öffnen Sie dort die App und antworten Sie.
push-number-pick = Wählen Sie dort diese Zahl:
push-number-type = Geben Sie dort diese Zahl ein:
push-waiting = Wir warten auf Ihre Antwort. Wenn Sie geantwortet haben, drücken Sie „Weiter“.
push-silent = Ihre App wird geprüft
push-silent-note = Das dauert einige Sekunden. Sie müssen nichts tun.
push-answered = Die Antwort ist da
push-ask = Bestätigen, dass ich es bin
push-ask-note = Bestätigen Sie, dass Sie es sind, um fortzufahren.
push-other = Auf einem anderen Gerät fragen
push-again = Noch einmal fragen
push-timed-out = Sie haben nicht rechtzeitig geantwortet
push-timed-out-note = Wir haben Sie auf { $device } gefragt und keine Antwort bekommen.
push-rejected = Sie haben abgelehnt
push-rejected-note = Sie sind nicht angemeldet. War das ein Versehen, beginnen Sie in der App von vorn. Haben Sie das nicht selbst begonnen, ändern Sie Ihr Passwort.
push-too-often = Sie wurden zu oft gefragt. Warten Sie eine Weile und beginnen Sie dann von vorn.
push-passcode = Keine Anfrage bekommen? Die App auf { $device } zeigt auch einen Code.
push-passcode-check = Code prüfen
new-device-note = Damit wird ein Gerät eingelassen, das Sie hier noch nicht benutzt haben, und es kann eines Ihrer Geräte werden. Fahren Sie nur fort, wenn Sie sich selbst darauf anmelden.

## After a second factor

remember = Das hat geklappt
remember-field = In diesem Browser { $span } lang nicht mehr fragen
remember-note = Wählen Sie das nur, wenn niemand sonst dieses Gerät benutzt. Ein neues Passwort beendet es.
remembered-in =
    { $n ->
        [one] In einem Browser werden Sie nicht nach einem zweiten Schritt gefragt.
       *[other] In { $n } Browsern werden Sie nicht nach einem zweiten Schritt gefragt.
    }
remember-forget = Überall wieder fragen

## A second factor that is made on the way

set-up = Zweiten Schritt einrichten
set-up-note = Um weiterzumachen, brauchen Sie neben dem Passwort etwas, das zeigt, dass Sie es sind.
set-up-offer = Etwas, das neben dem Passwort zeigt, dass Sie es sind, schützt Ihr Konto.
set-up-skip = Ohne weitermachen
set-up-choose = Was möchten Sie verwenden?
set-up-phone = Die App auf meinem Telefon
set-up-totp = Eine Authenticator-App
set-up-mail = Codes per E-Mail
set-up-sms = Codes per SMS
set-up-voice = Codes per Anruf
set-up-place-note = Wir schicken einen Code dorthin. Geben Sie ihn auf der nächsten Seite ein.
set-up-address = E-Mail-Adresse
set-up-number = Telefonnummer, mit + und Landesvorwahl
set-up-address-wrong = An diese Adresse können wir nichts schicken. Prüfen Sie, wie sie geschrieben ist.
set-up-number-wrong = An diese Nummer können wir nichts schicken. Schreiben Sie sie mit + und Landesvorwahl.
set-up-not-made = Das konnte nicht eingerichtet werden. Nehmen Sie einen anderen Weg, oder brechen Sie ab und melden Sie sich neu an.
set-up-app = Authenticator-App verbinden
set-up-app-note = Geben Sie diesen Schlüssel in der App ein. Zeigen Sie ihn niemandem. Geben Sie dann den Code ein, den die App zeigt.
set-up-app-link = App auf diesem Gerät öffnen

## Codes

code = Code eingeben
code-field = Code
code-from-app = Ihre Authenticator-App zeigt den Code.
code-by-sms = Wir haben den Code an die Nummer mit den letzten Ziffern { $ending } geschickt.
code-by-voice = Wir rufen die Nummer mit den letzten Ziffern { $ending } an. Der Anruf sagt den Code an.
code-by-mail = Wir haben den Code an { $address } geschickt.
code-underway = Der Code ist unterwegs.
code-not-sent = Der Code konnte nicht geschickt werden. Warten Sie einen Moment und lassen Sie sich einen neuen schicken, oder wählen Sie einen anderen Weg.
code-missing = Geben Sie den Code ein.
code-wrong = Dieser Code stimmt nicht. Prüfen Sie ihn und versuchen Sie es noch einmal.
code-wrong-left =
    { $n ->
        [one] Dieser Code stimmt nicht. Sie haben noch einen Versuch.
       *[other] Dieser Code stimmt nicht. Sie haben noch { $n } Versuche.
    }
code-expired = Dieser Code ist zu alt. Geben Sie den neuesten ein.
code-resend = Neuen Code senden
code-resend-in = Warten Sie { $span }, dann bekommen Sie einen neuen Code.
code-resent = Ein neuer Code ist unterwegs.
code-locked = Zu viele Codes waren falsch. Warten Sie ein paar Minuten und lassen Sie sich dann einen neuen schicken.
code-wait = Zu viele Codes waren falsch. Warten Sie ein paar Minuten und versuchen Sie es dann noch einmal.
code-too-often = Sie haben zu viele Codes bekommen. Warten Sie eine Weile und beginnen Sie dann von vorn.
other-way = Einen anderen Weg wählen
recovery = Wiederherstellungscode eingeben
recovery-field = Wiederherstellungscode
recovery-note = Nehmen Sie einen der Codes, die Sie aufbewahrt haben. Jeder gilt einmal.

## A forgotten password, and a new one

forgot = Passwort vergessen?
forgot-note = Geben Sie Ihren Benutzernamen ein. Wir schicken eine E-Mail an die Adresse des Kontos.
forgot-send = E-Mail senden
forgot-sent = Sehen Sie in Ihre E-Mails
forgot-sent-note = Wenn es ein Konto mit diesem Benutzernamen gibt, ist eine E-Mail unterwegs. Öffnen Sie den Link darin oder geben Sie den Code hier ein.
forgot-sent-note-code = Wenn es ein Konto mit diesem Benutzernamen gibt, ist eine E-Mail unterwegs. Geben Sie den Code darin hier ein.
forgot-sent-note-link = Wenn es ein Konto mit diesem Benutzernamen gibt, ist eine E-Mail unterwegs. Öffnen Sie den Link darin, um ein neues Passwort zu wählen.
forgot-sent-late = Nichts angekommen? Sehen Sie im Spam-Ordner nach oder beginnen Sie in ein paar Minuten noch einmal.
forgot-code = Code aus der E-Mail
forgot-expired = Dieser Link oder Code gilt nicht mehr. Beginnen Sie noch einmal, um einen neuen zu bekommen.
forgot-again = Neue E-Mail senden
new-password-title = Neues Passwort wählen
new-password = Neues Passwort
new-password-hint =
    { $n ->
        [one] Mindestens ein Zeichen. Ein paar Wörter ergeben ein gutes Passwort.
       *[other] Mindestens { $n } Zeichen. Ein paar Wörter ergeben ein gutes Passwort.
    }
new-password-missing = Geben Sie ein neues Passwort ein.
password-short =
    { $n ->
        [one] Dieses Passwort ist zu kurz. Nehmen Sie mindestens ein Zeichen.
       *[other] Dieses Passwort ist zu kurz. Nehmen Sie mindestens { $n } Zeichen.
    }
password-long =
    { $n ->
        [one] Dieses Passwort ist zu lang. Nehmen Sie höchstens ein Zeichen.
       *[other] Dieses Passwort ist zu lang. Nehmen Sie höchstens { $n } Zeichen.
    }
password-common = Viele Leute haben dieses Passwort, es ist also leicht zu erraten. Wählen Sie ein anderes.
password-name = In diesem Passwort steht Ihr Benutzername. Wählen Sie ein anderes.
password-same = Das ist schon Ihr Passwort. Wählen Sie ein anderes.
password-save = Passwort speichern
password-saved = Ihr Passwort ist geändert
password-saved-note = Verwenden Sie es ab jetzt.
password-saved-everywhere = Überall sonst wurden Sie abgemeldet.
password-kept = Ihr Passwort bleibt, wie es ist
change-password-first = Um Ihr Passwort zu ändern, geben Sie zuerst das bisherige ein.
change-password = Passwort ändern
must-change-password = Wählen Sie ein neues Passwort, bevor es weitergeht.
current-password = Bisheriges Passwort
current-password-missing = Geben Sie Ihr bisheriges Passwort ein.
current-password-wrong = Das bisherige Passwort stimmt nicht.

## Letters

letter-forgotten-subject = { $brand }: neues Passwort wählen
letter-forgotten = Jemand hat für das Konto { $username } ein neues Passwort angefordert.
letter-forgotten-link = Wenn Sie das waren, öffnen Sie diesen Link:
letter-forgotten-code = Wenn Sie das waren, geben Sie diesen Code auf der Seite ein, auf der Sie gefragt haben:
letter-forgotten-or-code = Oder geben Sie diesen Code auf der Seite ein, auf der Sie gefragt haben:
letter-forgotten-both = Beides gilt einmal, { $span } lang.
letter-forgotten-once = Er gilt einmal, { $span } lang.
letter-not-you = Wenn Sie es nicht waren, tun Sie nichts: Ihr Passwort bleibt, wie es ist. Sagen Sie den Code niemandem.
letter-not-you-link = Wenn Sie es nicht waren, tun Sie nichts: Ihr Passwort bleibt, wie es ist. Geben Sie den Link niemandem.
letter-changed-subject = { $brand }: Ihr Passwort wurde geändert
letter-changed = Das Passwort des Kontos { $username } wurde gerade geändert, und überall sonst wurde das Konto abgemeldet.
letter-changed-not-you = Wenn Sie das nicht waren, wählen Sie sofort ein neues Passwort:
letter-device-added-subject = { $brand }: Ihrem Konto wurde ein Gerät hinzugefügt
letter-device-added = Dem Konto { $username } wurde ein Gerät hinzugefügt. Von jetzt an kann es bestätigen, dass Sie es sind.
letter-device-removed-subject = { $brand }: ein Gerät Ihres Kontos wurde entfernt
letter-device-removed = Ein Gerät des Kontos { $username } wurde entfernt. Es bestätigt nichts mehr.
letter-push-locked-subject = { $brand }: Sie wurden auf Ihren Geräten zu oft gefragt
letter-push-locked = Auf den Geräten des Kontos { $username } wurde zu oft gefragt, ob Sie es sind. Für einige Zeit wird dort nicht mehr gefragt.
letter-code-subject = { $brand }: Ihr Code
letter-code = Geben Sie diesen Code ein, um sich bei { $client } anzumelden:
letter-code-new-device = Mit diesem Code wird ein Gerät eingelassen, das Sie hier noch nicht benutzt haben, und kann eines Ihrer Geräte werden.
letter-code-not-you = Wenn Sie sich gerade nicht anmelden, kennt jemand Ihr Passwort: Ändern Sie es. Sagen Sie den Code niemandem.
text-code = { $code } ist Ihr Code. Sagen Sie ihn niemandem.
call-code = Ihr Code ist: { $digits }. Sagen Sie ihn niemandem.
text-code-new-device = Er lässt ein Gerät ein, das hier neu ist.

## A device without a keyboard

device = Gerät verbinden
device-note = Geben Sie den Code ein, den Ihr Gerät zeigt.
device-code = Code auf dem Gerät
device-unknown = Mit diesem Code wartet kein Gerät. Prüfen Sie ihn und versuchen Sie es noch einmal.
device-expired = Dieser Code ist zu alt. Holen Sie am Gerät einen neuen.
device-confirm = Ein Gerät mit { $client } verbinden?
device-same-code = Zeigt Ihr Gerät diesen Code?
device-warning = Machen Sie nur weiter, wenn Sie das selbst begonnen haben, an einem Gerät, das vor Ihnen steht. Hat Ihnen jemand den Code geschickt, brechen Sie ab.
device-connect = Verbinden
device-connected = Ihr Gerät ist verbunden
device-connected-note = Dort geht es weiter. Sie können diese Seite schließen.
device-refused = Das Gerät wurde nicht verbunden
device-refused-note = Es hat nichts aus Ihrem Konto bekommen. Sie können diese Seite schließen.

## Accounts

accounts = Konto wählen
account-signed-out = Abgemeldet

## Sign-out

sign-out-question = Abmelden?
sign-out-asked = { $client } möchte Sie abmelden.
sign-out-apps = Auch bei diesen Apps werden Sie abgemeldet:
sign-out = Abmelden
stay = Angemeldet bleiben
signed-out = Sie sind abgemeldet
signed-out-but = Bei diesen Apps sind Sie vielleicht noch angemeldet:
signed-out-but-note = Melden Sie sich auch dort ab, oder schließen Sie Ihren Browser.

## What cannot go on

error-request = Eine App hat uns etwas geschickt, das wir nicht beantworten können.
error-request-of = { $client } hat uns etwas geschickt, das wir nicht beantworten können.
error-request-do = Gehen Sie zurück zur App und versuchen Sie es noch einmal. Wenn es wieder passiert, sagen Sie es denen, die die App betreiben.
error-client = Wir kennen die App nicht, die Sie hierher geschickt hat.
error-client-do = Gehen Sie dorthin zurück, woher Sie kamen, und sagen Sie es denen, die die App betreiben.
error-client-off = Die Anmeldung bei { $client } ist abgeschaltet.
error-client-off-do = Fragen Sie die Betreiber der App, wann es wieder geht.
error-denied = Dieses Konto darf die App nicht verwenden.
error-denied-do = Nehmen Sie ein anderes Konto, oder fragen Sie, wer Ihres verwaltet.
error-signed-out = Sie sind nicht angemeldet.
error-signed-out-do = Melden Sie sich bei einer Ihrer Apps an, und kommen Sie dann auf diese Seite zurück.
error-expired = Diese Seite ist zu alt, um weiterzumachen.
error-expired-do = Gehen Sie zurück zur App und beginnen Sie noch einmal.
error-cookies = Ihr Browser behält unsere Cookies nicht, deshalb wissen wir nicht, wo Sie waren.
error-cookies-do = Erlauben Sie Cookies für diese Seite, gehen Sie dann zurück zur App und beginnen Sie noch einmal.
error-foreign = Wir können nicht erkennen, ob Sie das von unserer eigenen Seite geschickt haben.
error-foreign-do = Gehen Sie zurück, laden Sie die Seite neu und wiederholen Sie den Schritt.
error-not-found = Unter dieser Adresse gibt es nichts.
error-not-found-do = Prüfen Sie die Adresse, oder gehen Sie zurück zur App und beginnen Sie noch einmal.
error-busy = Aus Ihrem Netz kamen zu viele Anfragen.
error-busy-do = Warten Sie { $span } und versuchen Sie es dann noch einmal.
error-unavailable = Wir können gerade nicht antworten.
error-unavailable-do = Versuchen Sie es in einer Minute noch einmal.
error-internal = Bei uns ist etwas schiefgegangen.
error-internal-do = Versuchen Sie es noch einmal. Wenn es wieder passiert, nennen Sie uns die Referenz.
reference = Referenz

## On the way back to the app

leaving = Einen Moment
leaving-to = Zurück zu { $client }
leaving-note = Ihr Browser macht von selbst weiter. Wenn nicht, nehmen Sie die Schaltfläche.
