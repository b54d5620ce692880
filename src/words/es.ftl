# Breve y directo, de tú; sin jerga; nadie tiene la culpa.

## Around every page

title = { $page }
error-title = Error: { $page }
skip = Ir al contenido
languages = Idioma
help = Ayuda
privacy = Privacidad
terms = Condiciones
problem = Hay un problema
problems = Hay problemas
expires = Tienes { $span } para esta página.
seconds =
    { $n ->
        [one] un segundo
       *[other] { $n } segundos
    }
minutes =
    { $n ->
        [one] un minuto
       *[other] { $n } minutos
    }
hours =
    { $n ->
        [one] una hora
       *[other] { $n } horas
    }
days =
    { $n ->
        [one] un día
       *[other] { $n } días
    }
cancel = Cancelar
continue = Continuar
back-to = Volver a { $client }
back-to-app = Volver a la aplicación
may-close = Ya puedes cerrar esta página.
slow-down = Han sido demasiados intentos. Espera { $span } y vuelve a intentarlo.
page-expired = Esta página estuvo abierta demasiado tiempo. Inténtalo otra vez.

## Sign-in

sign-in = Iniciar sesión
sign-in-to = para continuar en { $client }
username = Nombre de usuario
password = Contraseña
show-password = Mostrar la contraseña
username-missing = Escribe tu nombre de usuario.
password-missing = Escribe tu contraseña.
forgot-password = ¿Has olvidado tu contraseña?
signed-in-as = Sesión iniciada como { $name }
other-account = Usar otra cuenta
asked-again = Inicia sesión otra vez para continuar.
asked-again-by = { $client } te pide que inicies sesión otra vez.
long-ago = Iniciaste sesión hace un tiempo. Hazlo otra vez para continuar.
stronger-needed = Para esto hace falta un inicio de sesión más seguro que el anterior.
other-ways = Otras formas de iniciar sesión
way-passkey = Usar una llave de acceso
way-password = Usar una contraseña
wrong-credentials = El nombre de usuario o la contraseña no es correcto. Revisa los dos e inténtalo otra vez.
sign-in-given-up = No has iniciado sesión. Si quieres hacerlo, empieza otra vez en la aplicación.
second-factor-done = Aquí no hace falta nada más. Puedes continuar.

## Passkeys

passkey = Use su llave de acceso
passkey-note = Su navegador le pide que confirme con su huella, su cara, su PIN o una llave de seguridad.
passkey-failed = No ha funcionado. Inténtelo de nuevo o elija otra forma.
passkey-needs-script = Las llaves de acceso necesitan JavaScript. Actívelo o elija otra forma.
passkeys = Sus llaves de acceso
passkeys-note = Con una llave de acceso inicia sesión sin contraseña. Se queda en sus dispositivos y ningún otro sitio puede pedirla.
passkeys-none = Todavía no tiene llaves de acceso.
passkey-name = Nombre de la llave de acceso
passkey-bad-name = Un nombre tiene de 1 a 64 caracteres.
passkey-added = Añadida el { $day }
passkey-used = usada por última vez el { $day }
passkey-never-used = nunca usada
passkey-rename = Guardar el nombre de { $name }
passkey-remove = Eliminar { $name }
passkey-add = Añadir una llave de acceso
passkey-add-note = Póngale un nombre con el que la reconozca. Su navegador le preguntará dónde guardarla.
passkey-make = Crear la llave de acceso
passkey-not-made = La llave de acceso no se ha creado. Inténtelo de nuevo.
passkey-too-many = Tiene tantas llaves de acceso como es posible. Elimine antes una.
passkey-gone = Esta llave de acceso ya no existe.
confirm = Confirme que es usted
confirm-note = Está a punto de cambiar cómo inicia sesión.

## Applications

applications = Aplicaciones con acceso
applications-note = Permites que estas aplicaciones usen tu cuenta sin volver a preguntar. Si retiras el acceso a una, tendrá que preguntarte la próxima vez.
applications-none = Ninguna aplicación tiene acceso a tu cuenta.
application-since = Desde el { $day }
application-withdraw = Retirar el acceso de { $client }
application-gone = Esta aplicación ya no tiene acceso.

## Devices

own-devices = Sus dispositivos
own-devices-note = Con ellos demuestra al iniciar sesión que es usted. Elimine los que ya no tenga.
own-devices-none = Aún no tiene dispositivos.
own-device-name = Nombre del teléfono
own-device-app = Aplicación de autenticación
own-device-primary = se le pregunta primero
own-device-blocked = bloqueado por un administrador
own-device-pushed = recibe notificaciones
own-device-not-pushed = no recibe notificaciones
own-device-first = Preguntar primero a { $name }
own-device-remove = Eliminar
own-device-gone = Este dispositivo ya no existe.
phone-add = Añadir un teléfono
phone-add-note = Escriba este código en la aplicación del teléfono. Sirve una vez. No se lo enseñe a nadie.
phone-add-link = Abrir la aplicación en este teléfono
phone-add-came = El teléfono ya lo tiene
phone-add-not-yet = Ningún teléfono ha usado aún este código.
phone-add-over = Este código ya no sirve. Pida uno nuevo.
phone-add-too-many = Tiene tantos códigos sin usar como es posible. Use uno de ellos o espere a que caduquen.

## Consent

consent = ¿Permites que { $client } use tu cuenta?
consent-asks = { $client } quiere:
consent-asks-more = { $client } ya tiene algunos permisos. Ahora también quiere:
website = Sitio web
account = Cuenta
unverified = Sin verificar
unverified-note = Nadie aquí ha comprobado quién está detrás de esta aplicación. Permítelo solo si conoces el sitio web y confías en él.
needed = Necesario
optional = Tú eliges
scope-openid = Saber que eres tú
scope-profile = Ver tu nombre y tu perfil
scope-email = Ver tu correo electrónico
scope-phone = Ver tu número de teléfono
scope-address = Ver tu dirección postal
scope-offline = Mantener el acceso cuando no estás
scope-offline-note = { $client } puede usarlo en cualquier momento, hasta que se le retire.
details = En detalle
client-privacy = Política de privacidad de { $client }
client-terms = Condiciones de { $client }
consent-lasts = Se recuerda hasta que lo retires en tu cuenta, en «Aplicaciones con acceso».
consent-lasts-but = Lo que figura en «En detalle» vale solo esta vez. Lo demás se recuerda hasta que lo retires en tu cuenta, en «Aplicaciones con acceso».
allow = Permitir

## Choose a method

method = ¿Cómo quieres confirmar que eres tú?
method-phone = Aprobar en { $device }
method-passkey = Llave de acceso
method-passkey-named = Llave de acceso { $name }
method-app = Código de tu aplicación de autenticación
method-sms = Mensaje de texto al número que termina en { $ending }
method-voice = Llamada al número que termina en { $ending }
method-mail = Correo a { $address }
method-recovery = Código de recuperación
method-missing = Elige una de las formas.
method-gone = Esta forma ya no funciona. Elige otra.

## Asked on a phone

push = Confirme en su teléfono
push-asked = Le hemos preguntado en { $device }. Abra allí la aplicación y responda.
push-asked-new = Hemos preguntado en { $device } si este dispositivo es suyo. Abra allí la aplicación y responda.
push-number-pick = Elija allí este número:
push-number-type = Escriba allí este número:
push-waiting = Esperamos su respuesta. Cuando haya respondido, pulse «Continuar».
push-silent = Comprobando su aplicación
push-silent-note = Tardará unos segundos. No tiene que hacer nada.
push-answered = Ya hay una respuesta
push-ask = Confirmar que soy yo
push-ask-note = Para continuar, confirme que es usted.
push-other = Preguntar en otro dispositivo
push-again = Preguntar otra vez
push-timed-out = No respondió a tiempo
push-timed-out-note = Le preguntamos en { $device } y no hubo respuesta.
push-rejected = Dijo que no
push-rejected-note = No ha iniciado sesión. Si fue un error, empiece de nuevo en la aplicación. Si no lo empezó usted, cambie su contraseña.
push-too-often = Se le ha preguntado demasiadas veces. Espere un rato y empiece de nuevo.
push-passcode = ¿No ha llegado nada? La aplicación en { $device } también muestra un código.
push-passcode-check = Comprobar el código
new-device-note = Con esto se admite un dispositivo que no ha usado aquí antes, y podrá ser uno de los suyos. Continúe solo si es usted quien inicia sesión en él.

## After a second factor

remember = Ha funcionado
remember-field = No volver a preguntar en este navegador durante { $span }
remember-note = Solo si nadie más usa este dispositivo. Una contraseña nueva lo anula.
remembered-in =
    { $n ->
        [one] En un navegador no se pide un segundo paso.
       *[other] En { $n } navegadores no se pide un segundo paso.
    }
remember-forget = Volver a preguntar en todas partes

## A second factor that is made on the way

set-up = Configurar un segundo paso
set-up-note = Para continuar necesitas, además de la contraseña, algo que muestre que eres tú.
set-up-offer = Algo que, además de la contraseña, muestre que eres tú protege tu cuenta.
set-up-skip = Continuar sin ello
set-up-choose = ¿Qué quieres usar?
set-up-phone = La aplicación de mi teléfono
set-up-totp = Una aplicación de autenticación
set-up-mail = Códigos por correo
set-up-sms = Códigos por mensaje de texto
set-up-voice = Códigos por llamada
set-up-place-note = Enviamos un código allí. Escríbelo en la página siguiente.
set-up-address = Dirección de correo
set-up-number = Número de teléfono, con + y el prefijo del país
set-up-address-wrong = No podemos enviar nada a esta dirección. Comprueba cómo está escrita.
set-up-number-wrong = No podemos enviar nada a este número. Escríbelo con + y el prefijo del país.
set-up-not-made = No se ha podido configurar. Usa otra forma, o cancela e inicia sesión de nuevo.
set-up-app = Conectar tu aplicación de autenticación
set-up-app-note = Escribe esta clave en la aplicación. No se la enseñes a nadie. Después escribe el código que muestra la aplicación.
set-up-app-link = Abrir la aplicación en este dispositivo

## Codes

code = Escribe tu código
code-field = Código
code-from-app = Tu aplicación de autenticación muestra el código.
code-by-sms = Hemos enviado el código al número que termina en { $ending }.
code-by-voice = Llamamos al número que termina en { $ending }. La llamada dice el código.
code-by-mail = Hemos enviado el código a { $address }.
code-underway = El código está en camino.
code-not-sent = No se ha podido enviar el código. Espera un momento y pide uno nuevo, o elige otra forma.
code-missing = Escribe el código.
code-wrong = Este código no es correcto. Revísalo e inténtalo otra vez.
code-wrong-left =
    { $n ->
        [one] Este código no es correcto. Te queda un intento.
       *[other] Este código no es correcto. Te quedan { $n } intentos.
    }
code-expired = Este código es demasiado antiguo. Escribe el más reciente.
code-resend = Enviar un código nuevo
code-resend-in = Podrás pedir un código nuevo en { $span }.
code-resent = Un código nuevo está en camino.
code-locked = Demasiados códigos eran incorrectos. Espere unos minutos y pida después que se le envíe uno nuevo.
code-wait = Demasiados códigos eran incorrectos. Espere unos minutos y vuelva a intentarlo.
code-too-often = Ha recibido demasiados códigos. Espere un rato y empiece de nuevo.
other-way = Usar otra forma
recovery = Escribe un código de recuperación
recovery-field = Código de recuperación
recovery-note = Usa uno de los códigos que guardaste. Cada uno sirve una vez.

## A forgotten password, and a new one

forgot = ¿Has olvidado tu contraseña?
forgot-note = Escribe tu nombre de usuario. Enviaremos un correo a la dirección de la cuenta.
forgot-send = Enviar el correo
forgot-sent = Mira tu correo
forgot-sent-note = Si hay una cuenta con este nombre de usuario, un correo está en camino. Abre su enlace o escribe aquí su código.
forgot-sent-note-code = Si hay una cuenta con este nombre de usuario, un correo está en camino. Escribe aquí su código.
forgot-sent-note-link = Si hay una cuenta con este nombre de usuario, un correo está en camino. Abre su enlace para elegir una contraseña nueva.
forgot-sent-late = ¿No llega nada? Mira en la carpeta de correo no deseado o empieza otra vez dentro de unos minutos.
forgot-code = Código del correo
forgot-expired = Este enlace o código ya no funciona. Empieza otra vez para recibir uno nuevo.
forgot-again = Enviar otro correo
new-password-title = Elige una contraseña nueva
new-password = Contraseña nueva
new-password-hint =
    { $n ->
        [one] Al menos un carácter. Unas cuantas palabras hacen una buena contraseña.
       *[other] Al menos { $n } caracteres. Unas cuantas palabras hacen una buena contraseña.
    }
new-password-missing = Escribe una contraseña nueva.
password-short =
    { $n ->
        [one] Esta contraseña es demasiado corta. Usa al menos un carácter.
       *[other] Esta contraseña es demasiado corta. Usa al menos { $n } caracteres.
    }
password-long =
    { $n ->
        [one] Esta contraseña es demasiado larga. Usa como máximo un carácter.
       *[other] Esta contraseña es demasiado larga. Usa como máximo { $n } caracteres.
    }
password-common = Mucha gente usa esta contraseña, así que es fácil de adivinar. Elige otra.
password-name = Esta contraseña contiene tu nombre de usuario. Elige otra.
password-same = Esta ya es tu contraseña. Elige otra.
password-save = Guardar la contraseña
password-saved = Tu contraseña ha cambiado
password-saved-note = Úsala a partir de ahora.
password-saved-everywhere = Hemos cerrado tu sesión en los demás sitios.
password-kept = Tu contraseña sigue siendo la misma
change-password-first = Para cambiar tu contraseña, escribe primero la que tienes.
change-password = Cambia tu contraseña
must-change-password = Elige una contraseña nueva antes de continuar.
current-password = Contraseña actual
current-password-missing = Escribe tu contraseña actual.
current-password-wrong = La contraseña actual no es correcta.

## Letters

letter-forgotten-subject = { $brand }: elige una contraseña nueva
letter-forgotten = Alguien ha pedido una contraseña nueva para la cuenta { $username }.
letter-forgotten-link = Si has sido tú, abre este enlace:
letter-forgotten-code = Si has sido tú, escribe este código en la página donde lo pediste:
letter-forgotten-or-code = O escribe este código en la página donde lo pediste:
letter-forgotten-both = Los dos sirven una sola vez, durante { $span }.
letter-forgotten-once = Sirve una sola vez, durante { $span }.
letter-not-you = Si no has sido tú, no hagas nada: tu contraseña sigue siendo la misma. No digas el código a nadie.
letter-not-you-link = Si no has sido tú, no hagas nada: tu contraseña sigue siendo la misma. No des el enlace a nadie.
letter-changed-subject = { $brand }: tu contraseña ha cambiado
letter-changed = La contraseña de la cuenta { $username } acaba de cambiar, y se ha cerrado la sesión en todos los demás sitios.
letter-changed-not-you = Si no has sido tú, elige enseguida una contraseña nueva:
letter-device-added-subject = { $brand }: se ha añadido un dispositivo a tu cuenta
letter-device-added = Se ha añadido un dispositivo a la cuenta { $username }. A partir de ahora puede confirmar que eres tú.
letter-device-removed-subject = { $brand }: se ha quitado un dispositivo de tu cuenta
letter-device-removed = Se ha quitado un dispositivo de la cuenta { $username }. Ya no confirma nada.
letter-push-locked-subject = { $brand }: te han preguntado demasiadas veces en tus dispositivos
letter-push-locked = En los dispositivos de la cuenta { $username } se ha preguntado demasiadas veces si eres tú. Durante un tiempo no se preguntará más allí.
letter-code-subject = { $brand }: tu código
letter-code = Introduce este código para iniciar sesión en { $client }:
letter-code-new-device = Con este código se admite un dispositivo que no ha usado aquí antes, y podrá ser uno de los suyos.
letter-code-not-you = Si no estás iniciando sesión, alguien conoce tu contraseña: cámbiala. No digas el código a nadie.
text-code = { $code } es tu código. No se lo digas a nadie.
call-code = Tu código es: { $digits }. No se lo digas a nadie.
text-code-new-device = Admite un dispositivo nuevo aquí.

## A device without a keyboard

device = Conectar un dispositivo
device-note = Escribe el código que muestra tu dispositivo.
device-code = Código del dispositivo
device-unknown = Ningún dispositivo espera con este código. Revísalo e inténtalo otra vez.
device-expired = Este código es demasiado antiguo. Pide uno nuevo en el dispositivo.
device-confirm = ¿Conectar un dispositivo con { $client }?
device-same-code = ¿Muestra tu dispositivo este código?
device-warning = Continúa solo si lo empezaste tú, en un dispositivo que tienes delante. Si alguien te envió el código, cancela.
device-connect = Conectar
device-connected = Tu dispositivo está conectado
device-connected-note = Continúa allí. Ya puedes cerrar esta página.
device-refused = El dispositivo no se ha conectado
device-refused-note = No ha recibido nada de tu cuenta. Ya puedes cerrar esta página.

## Accounts

accounts = Elige una cuenta
account-signed-out = Sesión cerrada

## Sign-out

sign-out-question = ¿Cerrar la sesión?
sign-out-asked = { $client } pide cerrar tu sesión.
sign-out-apps = También se cerrará tu sesión en estas aplicaciones:
sign-out = Cerrar sesión
stay = Seguir con la sesión
signed-out = Has cerrado la sesión
signed-out-but = Puede que tu sesión siga abierta en estas aplicaciones:
signed-out-but-note = Ciérrala también allí o cierra el navegador.

## What cannot go on

error-request = Una aplicación nos envió algo a lo que no podemos responder.
error-request-of = { $client } nos envió algo a lo que no podemos responder.
error-request-do = Vuelve a la aplicación e inténtalo otra vez. Si vuelve a pasar, avisa a quienes la gestionan.
error-client = No conocemos la aplicación que te envió aquí.
error-client-do = Vuelve al lugar de donde venías y avisa a quienes gestionan la aplicación.
error-client-off = El inicio de sesión en { $client } está desactivado.
error-client-off-do = Pregunta a quienes gestionan la aplicación cuándo volverá a funcionar.
error-denied = Esta cuenta no puede usar la aplicación.
error-denied-do = Usa otra cuenta o pregunta a quienes gestionan la tuya.
error-signed-out = No ha iniciado sesión.
error-signed-out-do = Inicie sesión en una de sus aplicaciones y vuelva después a esta página.
error-expired = Esta página es demasiado antigua para continuar.
error-expired-do = Vuelve a la aplicación y empieza otra vez.
error-cookies = Tu navegador no guarda nuestras cookies, así que no sabemos dónde estabas.
error-cookies-do = Permite las cookies de este sitio, vuelve a la aplicación y empieza otra vez.
error-foreign = No podemos saber si enviaste esto desde nuestra propia página.
error-foreign-do = Vuelve atrás, carga la página de nuevo y repite lo que hiciste.
error-not-found = No hay nada en esta dirección.
error-not-found-do = Revisa la dirección, o vuelve a la aplicación y empieza otra vez.
error-busy = Llegaron demasiadas peticiones desde tu red.
error-busy-do = Espera { $span } y vuelve a intentarlo.
error-unavailable = Ahora mismo no podemos responder.
error-unavailable-do = Inténtalo otra vez dentro de un minuto.
error-internal = Algo ha fallado de nuestro lado.
error-internal-do = Inténtalo otra vez. Si vuelve a pasar, dinos la referencia.
reference = Referencia

## On the way back to the app

leaving = Un momento
leaving-to = De vuelta a { $client }
leaving-note = Tu navegador continúa solo. Si no, usa el botón.
