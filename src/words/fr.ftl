# Court et actif, avec « vous » ; sans jargon ; ce n’est la faute de personne.

## Around every page

title = { $page }
error-title = Erreur : { $page }
skip = Aller au contenu
languages = Langue
help = Aide
privacy = Confidentialité
terms = Conditions
problem = Il y a un problème
problems = Il y a des problèmes
expires = Vous avez { $span } pour cette page.
seconds =
    { $n ->
        [one] { $n } seconde
       *[other] { $n } secondes
    }
minutes =
    { $n ->
        [one] { $n } minute
       *[other] { $n } minutes
    }
hours =
    { $n ->
        [one] { $n } heure
       *[other] { $n } heures
    }
days =
    { $n ->
        [one] { $n } jour
       *[other] { $n } jours
    }
cancel = Annuler
continue = Continuer
back-to = Retour à { $client }
back-to-app = Retour à l’application
may-close = Vous pouvez fermer cette page.
slow-down = Cela fait trop d’essais. Attendez { $span }, puis réessayez.
page-expired = Cette page est restée ouverte trop longtemps. Réessayez.

## Sign-in

sign-in = Se connecter
sign-in-to = pour continuer vers { $client }
username = Nom d’utilisateur
password = Mot de passe
show-password = Afficher le mot de passe
username-missing = Saisissez votre nom d’utilisateur.
password-missing = Saisissez votre mot de passe.
forgot-password = Mot de passe oublié ?
signed-in-as = Connecté en tant que { $name }
other-account = Utiliser un autre compte
asked-again = Reconnectez-vous pour continuer.
asked-again-by = { $client } vous demande de vous reconnecter.
long-ago = Votre connexion date d’un moment. Reconnectez-vous pour continuer.
stronger-needed = Ceci demande une connexion plus sûre que la précédente.
other-ways = Autres façons de se connecter
way-passkey = Utiliser une clé d’accès
way-password = Utiliser un mot de passe
wrong-credentials = Le nom d’utilisateur ou le mot de passe n’est pas correct. Vérifiez les deux et réessayez.
sign-in-given-up = Vous ne vous êtes pas connecté. Si vous le souhaitez, recommencez dans l’application.
second-factor-done = Rien d’autre n’est nécessaire ici. Vous pouvez continuer.

## Passkeys

passkey = Utilisez votre clé d’accès
passkey-note = Votre navigateur vous demande de confirmer avec votre empreinte, votre visage, votre code ou une clé de sécurité.
passkey-failed = Cela n’a pas fonctionné. Réessayez, ou choisissez un autre moyen.
passkey-needs-script = Les clés d’accès ont besoin de JavaScript. Activez-le, ou choisissez un autre moyen.
passkeys = Vos clés d’accès
passkeys-note = Une clé d’accès vous connecte sans mot de passe. Elle reste sur vos appareils, et aucun autre site ne peut la demander.
passkeys-none = Vous n’avez pas encore de clé d’accès.
passkey-name = Nom de la clé d’accès
passkey-bad-name = Un nom a de 1 à 64 caractères.
passkey-added = Ajoutée le { $day }
passkey-used = utilisée la dernière fois le { $day }
passkey-never-used = jamais utilisée
passkey-rename = Enregistrer le nom de { $name }
passkey-remove = Supprimer { $name }
passkey-add = Ajouter une clé d’accès
passkey-add-note = Donnez-lui un nom auquel vous la reconnaîtrez. Votre navigateur demandera ensuite où la garder.
passkey-make = Créer la clé d’accès
passkey-not-made = La clé d’accès n’a pas été créée. Réessayez.
passkey-too-many = Vous avez autant de clés d’accès qu’il est possible. Supprimez-en d’abord une.
passkey-gone = Cette clé d’accès n’existe plus.
confirm = Confirmez que c’est bien vous
confirm-note = Vous allez changer votre façon de vous connecter.

## Applications

applications = Applications autorisées
applications-note = Ces applications peuvent utiliser votre compte sans vous redemander. Si vous retirez l’accès à l’une d’elles, elle devra vous demander la prochaine fois.
applications-none = Aucune application n’a accès à votre compte.
application-since = Depuis le { $day }
application-withdraw = Retirer l’accès de { $client }
application-gone = Cette application n’a plus d’accès.

## Devices

own-devices = Vos appareils
own-devices-note = Ils vous servent à montrer que c’est bien vous quand vous vous connectez. Supprimez ceux que vous n’avez plus.
own-devices-none = Vous n’avez pas encore d’appareil.
own-device-name = Nom du téléphone
own-device-app = Application d’authentification
own-device-primary = interrogé en premier
own-device-blocked = bloqué par un administrateur
own-device-pushed = reçoit des notifications
own-device-not-pushed = ne reçoit pas de notifications
own-device-first = Interroger { $name } en premier
own-device-remove = Supprimer
own-device-gone = Cet appareil n’existe plus.
phone-add = Ajouter un téléphone
phone-add-note = Saisissez ce code dans l’application du téléphone. Il sert une seule fois. Ne le montrez à personne.
phone-add-link = Ouvrir l’application sur ce téléphone
phone-add-came = Le téléphone l’a reçu
phone-add-not-yet = Aucun téléphone n’a encore utilisé ce code.
phone-add-over = Ce code n’est plus valable. Demandez-en un nouveau.
phone-add-too-many = Vous avez autant de codes inutilisés qu’il est possible. Utilisez-en un, ou attendez qu’ils expirent.

## Consent

consent = Autoriser { $client } à utiliser votre compte ?
consent-asks = { $client } souhaite :
consent-asks-more = { $client } a déjà certains accès. L’application souhaite aussi :
website = Site web
account = Compte
unverified = Non vérifié
unverified-note = Personne ici n’a vérifié qui est derrière cette application. Autorisez-la seulement si vous connaissez ce site et lui faites confiance.
needed = Nécessaire
optional = À vous de choisir
scope-openid = Savoir que c’est bien vous
scope-profile = Voir votre nom et votre profil
scope-email = Voir votre adresse e-mail
scope-phone = Voir votre numéro de téléphone
scope-address = Voir votre adresse postale
scope-offline = Garder l’accès en votre absence
scope-offline-note = { $client } peut s’en servir à tout moment, jusqu’à ce que l’accès soit retiré.
details = En détail
client-privacy = Politique de confidentialité de { $client }
client-terms = Conditions de { $client }
consent-lasts = Ce choix est gardé jusqu’à ce que vous le retiriez dans votre compte, sous « Applications autorisées ».
consent-lasts-but = Ce qui figure sous « En détail » ne vaut que cette fois. Le reste est gardé jusqu’à ce que vous le retiriez dans votre compte, sous « Applications autorisées ».
allow = Autoriser

## Choose a method

method = Comment voulez-vous confirmer que c’est bien vous ?
method-phone = Approuver sur { $device }
method-passkey = Clé d’accès
method-passkey-named = Clé d’accès { $name }
method-app = Code de votre application d’authentification
method-sms = SMS au numéro qui se termine par { $ending }
method-voice = Appel au numéro qui se termine par { $ending }
method-mail = E-mail à { $address }
method-recovery = Code de secours
method-missing = Choisissez une des façons.
method-gone = Cette façon ne fonctionne plus. Choisissez-en une autre.

## Asked on a phone

push = Confirmez sur votre téléphone
push-asked = Nous vous avons posé la question sur { $device }. Ouvrez-y l’application et répondez.
push-asked-new = Nous avons demandé sur { $device } si cet appareil est le vôtre. Ouvrez-y l’application et répondez.
push-number-pick = Choisissez-y ce nombre :
push-number-type = Saisissez-y ce nombre :
push-waiting = Nous attendons votre réponse. Quand vous aurez répondu, appuyez sur « Continuer ».
push-silent = Vérification de votre application
push-silent-note = Cela prend quelques secondes. Vous n’avez rien à faire.
push-answered = La réponse est arrivée
push-ask = Confirmer que c’est moi
push-ask-note = Pour continuer, confirmez que c’est bien vous.
push-other = Demander sur un autre appareil
push-again = Demander à nouveau
push-timed-out = Vous n’avez pas répondu à temps
push-timed-out-note = Nous vous avons posé la question sur { $device }, sans réponse.
push-rejected = Vous avez refusé
push-rejected-note = Vous n’êtes pas connecté. Si c’était une erreur, recommencez dans l’application. Si ce n’est pas vous qui avez commencé, changez votre mot de passe.
push-too-often = La question vous a été posée trop souvent. Attendez un moment, puis recommencez.
push-passcode = Aucune demande reçue ? L’application sur { $device } affiche aussi un code.
push-passcode-check = Vérifier le code
new-device-note = Cela admet un appareil que vous n’avez pas encore utilisé ici, et il peut devenir l’un des vôtres. Ne continuez que si vous vous y connectez vous-même.

## After a second factor

remember = C’est fait
remember-field = Ne plus me demander dans ce navigateur pendant { $span }
remember-note = À choisir seulement si personne d’autre n’utilise cet appareil. Un nouveau mot de passe y met fin.
remembered-in =
    { $n ->
        [one] Dans { $n } navigateur, aucune deuxième étape ne vous est demandée.
       *[other] Dans { $n } navigateurs, aucune deuxième étape ne vous est demandée.
    }
remember-forget = Redemander partout

## A second factor that is made on the way

set-up = Configurer une deuxième étape
set-up-note = Pour continuer, il vous faut, en plus du mot de passe, quelque chose qui montre que c’est bien vous.
set-up-offer = Quelque chose qui, en plus du mot de passe, montre que c’est bien vous protège votre compte.
set-up-skip = Continuer sans
set-up-choose = Que voulez-vous utiliser ?
set-up-phone = L’application de mon téléphone
set-up-totp = Une application d’authentification
set-up-mail = Codes par e-mail
set-up-sms = Codes par SMS
set-up-voice = Codes par appel
set-up-place-note = Nous y envoyons un code. Saisissez-le à la page suivante.
set-up-address = Adresse e-mail
set-up-number = Numéro de téléphone, avec + et l’indicatif du pays
set-up-address-wrong = Nous ne pouvons rien envoyer à cette adresse. Vérifiez comment elle est écrite.
set-up-number-wrong = Nous ne pouvons rien envoyer à ce numéro. Écrivez-le avec + et l’indicatif du pays.
set-up-not-made = La configuration n’a pas abouti. Choisissez une autre méthode, ou annulez et reconnectez-vous.
set-up-app = Connecter votre application d’authentification
set-up-app-note = Saisissez cette clé dans l’application. Ne la montrez à personne. Saisissez ensuite le code que l’application affiche.
set-up-app-link = Ouvrir l’application sur cet appareil

## Codes

code = Saisissez votre code
code-field = Code
code-from-app = Votre application d’authentification affiche le code.
code-by-sms = Nous avons envoyé le code au numéro qui se termine par { $ending }.
code-by-voice = Nous appelons le numéro qui se termine par { $ending }. L’appel dit le code.
code-by-mail = Nous avons envoyé le code à { $address }.
code-underway = Le code est en route.
code-not-sent = Le code n’a pas pu être envoyé. Attendez un instant et faites-vous envoyer un nouveau code, ou choisissez une autre façon.
code-missing = Saisissez le code.
code-wrong = Ce code n’est pas correct. Vérifiez-le et réessayez.
code-wrong-left =
    { $n ->
        [one] Ce code n’est pas correct. Il vous reste { $n } essai.
       *[other] Ce code n’est pas correct. Il vous reste { $n } essais.
    }
code-expired = Ce code est trop ancien. Saisissez le plus récent.
code-resend = Envoyer un nouveau code
code-resend-in = Vous pourrez recevoir un nouveau code dans { $span }.
code-resent = Un nouveau code est en route.
code-locked = Trop de codes étaient faux. Attendez quelques minutes, puis faites-vous envoyer un nouveau code.
code-wait = Trop de codes étaient faux. Attendez quelques minutes, puis réessayez.
code-too-often = Vous avez reçu trop de codes. Attendez un moment, puis recommencez.
other-way = Choisir une autre façon
recovery = Saisissez un code de secours
recovery-field = Code de secours
recovery-note = Prenez un des codes que vous avez conservés. Chacun sert une fois.

## A forgotten password, and a new one

forgot = Mot de passe oublié ?
forgot-note = Saisissez votre nom d’utilisateur. Nous envoyons un e-mail à l’adresse du compte.
forgot-send = Envoyer l’e-mail
forgot-sent = Consultez vos e-mails
forgot-sent-note = S’il existe un compte avec ce nom d’utilisateur, un e-mail est en route. Ouvrez son lien, ou saisissez son code ici.
forgot-sent-note-code = S’il existe un compte avec ce nom d’utilisateur, un e-mail est en route. Saisissez son code ici.
forgot-sent-note-link = S’il existe un compte avec ce nom d’utilisateur, un e-mail est en route. Ouvrez son lien pour choisir un nouveau mot de passe.
forgot-sent-late = Rien reçu ? Regardez dans les courriers indésirables, ou recommencez dans quelques minutes.
forgot-code = Code reçu par e-mail
forgot-expired = Ce lien ou ce code ne fonctionne plus. Recommencez pour en recevoir un nouveau.
forgot-again = Envoyer un nouvel e-mail
new-password-title = Choisissez un nouveau mot de passe
new-password = Nouveau mot de passe
new-password-hint =
    { $n ->
        [one] Au moins { $n } caractère. Quelques mots font un bon mot de passe.
       *[other] Au moins { $n } caractères. Quelques mots font un bon mot de passe.
    }
new-password-missing = Saisissez un nouveau mot de passe.
password-short =
    { $n ->
        [one] Ce mot de passe est trop court. Prenez au moins { $n } caractère.
       *[other] Ce mot de passe est trop court. Prenez au moins { $n } caractères.
    }
password-long =
    { $n ->
        [one] Ce mot de passe est trop long. Prenez au plus { $n } caractère.
       *[other] Ce mot de passe est trop long. Prenez au plus { $n } caractères.
    }
password-common = Beaucoup de gens utilisent ce mot de passe : il est facile à deviner. Choisissez-en un autre.
password-name = Ce mot de passe contient votre nom d’utilisateur. Choisissez-en un autre.
password-same = C’est déjà votre mot de passe. Choisissez-en un autre.
password-save = Enregistrer le mot de passe
password-saved = Votre mot de passe est changé
password-saved-note = Utilisez-le dès maintenant.
password-saved-everywhere = Vous avez été déconnecté partout ailleurs.
password-kept = Votre mot de passe reste le même
change-password-first = Pour changer votre mot de passe, saisissez d’abord celui que vous avez.
change-password = Changez votre mot de passe
must-change-password = Choisissez un nouveau mot de passe avant de continuer.
current-password = Mot de passe actuel
current-password-missing = Saisissez votre mot de passe actuel.
current-password-wrong = Le mot de passe actuel n’est pas correct.

## Letters

letter-forgotten-subject = { $brand } : choisissez un nouveau mot de passe
letter-forgotten = Quelqu’un a demandé un nouveau mot de passe pour le compte { $username }.
letter-forgotten-link = Si c’était vous, ouvrez ce lien :
letter-forgotten-code = Si c’était vous, saisissez ce code sur la page où vous l’avez demandé :
letter-forgotten-or-code = Ou saisissez ce code sur la page où vous l’avez demandé :
letter-forgotten-both = Les deux fonctionnent une seule fois, pendant { $span }.
letter-forgotten-once = Il fonctionne une seule fois, pendant { $span }.
letter-not-you = Si ce n’était pas vous, ne faites rien : votre mot de passe reste le même. Ne donnez le code à personne.
letter-not-you-link = Si ce n’était pas vous, ne faites rien : votre mot de passe reste le même. Ne donnez le lien à personne.
letter-changed-subject = { $brand } : votre mot de passe a changé
letter-changed = Le mot de passe du compte { $username } vient de changer, et le compte a été déconnecté partout ailleurs.
letter-changed-not-you = Si ce n’était pas vous, choisissez tout de suite un nouveau mot de passe :
letter-device-added-subject = { $brand } : un appareil a été ajouté à votre compte
letter-device-added = Un appareil a été ajouté au compte { $username }. Il peut désormais confirmer que c’est bien vous.
letter-device-removed-subject = { $brand } : un appareil a été retiré de votre compte
letter-device-removed = Un appareil du compte { $username } a été retiré. Il ne confirme plus rien.
letter-push-locked-subject = { $brand } : trop de demandes sur vos appareils
letter-push-locked = Sur les appareils du compte { $username }, il a été demandé trop souvent si c’est bien vous. Pendant un certain temps, plus rien n’y est demandé.
letter-code-subject = { $brand } : votre code
letter-code = Saisissez ce code pour vous connecter à { $client } :
letter-code-new-device = Avec ce code, un appareil que vous n’avez pas encore utilisé ici est admis et peut devenir l’un des vôtres.
letter-code-not-you = Si vous n’êtes pas en train de vous connecter, quelqu’un connaît votre mot de passe : changez-le. Ne donnez ce code à personne.
text-code = { $code } est votre code. Ne le donnez à personne.
call-code = Votre code est : { $digits }. Ne le donnez à personne.
text-code-new-device = Il admet un appareil nouveau ici.

## A device without a keyboard

device = Connecter un appareil
device-note = Saisissez le code affiché par votre appareil.
device-code = Code de l’appareil
device-unknown = Aucun appareil n’attend avec ce code. Vérifiez-le et réessayez.
device-expired = Ce code est trop ancien. Demandez-en un nouveau sur l’appareil.
device-confirm = Connecter un appareil à { $client } ?
device-same-code = Votre appareil affiche-t-il ce code ?
device-warning = Continuez seulement si c’est vous qui avez commencé, sur un appareil devant vous. Si quelqu’un vous a envoyé le code, annulez.
device-connect = Connecter
device-connected = Votre appareil est connecté
device-connected-note = Continuez là-bas. Vous pouvez fermer cette page.
device-refused = L’appareil n’a pas été connecté
device-refused-note = Il n’a rien reçu de votre compte. Vous pouvez fermer cette page.

## Accounts

accounts = Choisissez un compte
account-signed-out = Déconnecté

## Sign-out

sign-out-question = Se déconnecter ?
sign-out-asked = { $client } demande à vous déconnecter.
sign-out-apps = Vous serez aussi déconnecté de ces applications :
sign-out = Se déconnecter
stay = Rester connecté
signed-out = Vous êtes déconnecté
signed-out-but = Vous êtes peut-être encore connecté à ces applications :
signed-out-but-note = Déconnectez-vous-y aussi, ou fermez votre navigateur.

## What cannot go on

error-request = Une application nous a envoyé une demande à laquelle nous ne pouvons pas répondre.
error-request-of = { $client } nous a envoyé une demande à laquelle nous ne pouvons pas répondre.
error-request-do = Retournez à l’application et réessayez. Si cela se reproduit, prévenez les personnes qui la gèrent.
error-client = Nous ne connaissons pas l’application qui vous a envoyé ici.
error-client-do = Retournez d’où vous venez, et prévenez les personnes qui gèrent l’application.
error-client-off = La connexion à { $client } est désactivée.
error-client-off-do = Demandez aux personnes qui gèrent l’application quand elle reviendra.
error-denied = Ce compte ne peut pas utiliser l’application.
error-denied-do = Utilisez un autre compte, ou adressez-vous aux personnes qui gèrent le vôtre.
error-signed-out = Vous n’êtes pas connecté.
error-signed-out-do = Connectez-vous à l’une de vos applications, puis revenez à cette page.
error-expired = Cette page est trop ancienne pour continuer.
error-expired-do = Retournez à l’application et recommencez.
error-cookies = Votre navigateur ne garde pas nos cookies : nous ne savons plus où vous en étiez.
error-cookies-do = Autorisez les cookies pour ce site, puis retournez à l’application et recommencez.
error-foreign = Nous ne pouvons pas savoir si ceci vient bien de notre propre page.
error-foreign-do = Revenez en arrière, rechargez la page et refaites la même chose.
error-not-found = Il n’y a rien à cette adresse.
error-not-found-do = Vérifiez l’adresse, ou retournez à l’application et recommencez.
error-busy = Trop de demandes sont venues de votre réseau.
error-busy-do = Attendez { $span }, puis réessayez.
error-unavailable = Nous ne pouvons pas répondre pour le moment.
error-unavailable-do = Réessayez dans une minute.
error-internal = Quelque chose n’a pas fonctionné de notre côté.
error-internal-do = Réessayez. Si cela se reproduit, donnez-nous la référence.
reference = Référence

## On the way back to the app

leaving = Un instant
leaving-to = Retour à { $client }
leaving-note = Votre navigateur continue tout seul. Sinon, utilisez le bouton.
