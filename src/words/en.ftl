# Short and active; no jargon; nobody is to blame.

## Around every page

title = { $page }
error-title = Error: { $page }
skip = Skip to the content
languages = Language
help = Help
privacy = Privacy
terms = Terms
problem = There is a problem
problems = There are problems
expires = You have { $span } for this page.
seconds =
    { $n ->
        [one] one second
       *[other] { $n } seconds
    }
minutes =
    { $n ->
        [one] one minute
       *[other] { $n } minutes
    }
hours =
    { $n ->
        [one] one hour
       *[other] { $n } hours
    }
days =
    { $n ->
        [one] one day
       *[other] { $n } days
    }
cancel = Cancel
continue = Continue
back-to = Back to { $client }
back-to-app = Back to the app
may-close = You can close this page.
slow-down = That was too often. Wait { $span }, then try again.
page-expired = This page was open for too long. Try once more.

## Sign-in

sign-in = Sign in
sign-in-to = to continue to { $client }
username = Username
password = Password
show-password = Show password
username-missing = Enter your username.
password-missing = Enter your password.
forgot-password = Forgot your password?
signed-in-as = Signed in as { $name }
other-account = Use another account
asked-again = Sign in again to continue.
asked-again-by = { $client } asks you to sign in again.
long-ago = You signed in some time ago. Sign in again to continue.
stronger-needed = This needs a stronger sign-in than before.
other-ways = Other ways to sign in
way-passkey = Use a passkey
way-password = Use a password
wrong-credentials = The username or the password is not right. Check both and try again.
sign-in-given-up = You did not sign in. Start again in the app if you want to.
second-factor-done = Nothing more is needed here. You can go on.

## Passkeys

passkey = Use your passkey
passkey-note = Your browser asks you to confirm with your fingerprint, your face, your PIN or a security key.
passkey-failed = That did not work. Try again, or take another way.
passkey-needs-script = Passkeys need JavaScript. Turn it on, or take another way.
passkeys = Your passkeys
passkeys-note = A passkey signs you in without a password. It stays on your devices, and no other site can ask for it.
passkeys-none = You have no passkeys yet.
passkey-name = Name of the passkey
passkey-bad-name = A name has 1 to 64 characters.
passkey-added = Added { $day }
passkey-used = last used { $day }
passkey-never-used = never used
passkey-rename = Save the name of { $name }
passkey-remove = Remove { $name }
passkey-add = Add a passkey
passkey-add-note = Give it a name by which you will know it again. Your browser then asks where to keep it.
passkey-make = Create the passkey
passkey-not-made = The passkey was not made. Try again.
passkey-too-many = You have as many passkeys as one may have. Remove one first.
passkey-gone = This passkey is not there any more.
confirm = Confirm that it is you
confirm-note = You are about to change how you sign in.

## Applications

applications = Apps with access
applications-note = You let these apps use your account without asking again. An app whose access you withdraw has to ask you the next time.
applications-none = No app has access to your account.
application-since = Since { $day }
application-withdraw = Withdraw the access of { $client }
application-gone = This app has no access any more.

## Devices

own-devices = Your devices
own-devices-note = With these you show at sign-in that it is you. Remove what you no longer have.
own-devices-none = You have no devices yet.
own-device-name = Name of the phone
own-device-app = Authenticator app
own-device-primary = asked first
own-device-blocked = blocked by an administrator
own-device-pushed = gets notifications
own-device-not-pushed = gets no notifications
own-device-first = Ask { $name } first
own-device-remove = Remove
own-device-gone = This device is not there any more.
phone-add = Add a phone
phone-add-note = Type this code in the app on the phone. It works once. Show it to nobody.
phone-add-link = Open the app on this phone
phone-add-came = The phone has it
phone-add-not-yet = No phone has come with this code yet.
phone-add-over = This code is not good any more. Get a new one.
phone-add-too-many = You have as many unused codes as one may have. Use one of them, or wait until they expire.

## Consent

consent = Allow { $client } to use your account?
consent-asks = { $client } wants to:
consent-asks-more = { $client } has some access already. Now it also wants to:
website = Website
account = Account
unverified = Not verified
unverified-note = Nobody here has checked who is behind this app. Allow it only if you know and trust the website.
needed = Needed
optional = Your choice
scope-openid = Know that it is you
scope-profile = See your name and profile
scope-email = See your email address
scope-phone = See your phone number
scope-address = See your postal address
scope-offline = Keep access while you are away
scope-offline-note = { $client } can use this at any time, until the access is taken back.
details = In detail
client-privacy = Privacy policy of { $client }
client-terms = Terms of { $client }
consent-lasts = This is remembered until you withdraw it in your account, under “Apps with access”.
consent-lasts-but = What stands under “In detail” is for this one time. The rest is remembered until you withdraw it in your account, under “Apps with access”.
allow = Allow

## Choose a method

method = How do you want to confirm that it is you?
method-phone = Approve on { $device }
method-passkey = Passkey
method-passkey-named = Passkey { $name }
method-app = Code from your authenticator app
method-sms = Text message to the number ending in { $ending }
method-voice = Call to the number ending in { $ending }
method-mail = Email to { $address }
method-recovery = Recovery code
method-missing = Choose one of the ways.
method-gone = This way does not work any more. Choose another one.

## Asked on a phone

push = Approve on your phone
push-asked = We have asked you on { $device }. Open the app there and answer.
push-asked-new = We have asked on { $device } whether this device is yours. Open the app there and answer.
push-number-pick = Choose this number there:
push-number-type = Enter this number there:
push-waiting = We are waiting for your answer. When you have answered, press “Continue”.
push-silent = Checking your app
push-silent-note = This takes a few seconds. There is nothing for you to do.
push-answered = There is an answer
push-ask = Confirm that it is me
push-ask-note = To go on, confirm that it is you.
push-other = Ask on another device
push-again = Ask again
push-timed-out = You did not answer in time
push-timed-out-note = We asked you on { $device }, and there was no answer.
push-rejected = You said no
push-rejected-note = You are not signed in. If that was a mistake, start again in the app. If you did not start this yourself, change your password.
push-too-often = You were asked too often. Wait a while, then start again.
push-passcode = No push? The app on { $device } shows a code as well.
push-passcode-check = Check the code
new-device-note = This lets in a device that you have not used here before, and it may become one of yours. Go on only if you are signing in on it yourself.

## After a second factor

remember = That worked
remember-field = Do not ask me again in this browser for { $span }
remember-note = Only choose this if nobody else uses this device. A new password ends it.
remembered-in =
    { $n ->
        [one] In one browser you are not asked for a second step.
       *[other] In { $n } browsers you are not asked for a second step.
    }
remember-forget = Ask everywhere again

## A second factor that is made on the way

set-up = Set up a second step
set-up-note = To go on you need something besides your password that shows that it is you.
set-up-offer = Something besides your password that shows that it is you protects your account.
set-up-skip = Continue without
set-up-choose = What do you want to use?
set-up-phone = The app on my phone
set-up-totp = An authenticator app
set-up-mail = Codes by email
set-up-sms = Codes by text message
set-up-voice = Codes by a call
set-up-place-note = We send a code there. Enter it on the next page.
set-up-address = Email address
set-up-number = Phone number, with + and the country code
set-up-address-wrong = We can send nothing to this address. Check how it is written.
set-up-number-wrong = We can send nothing to this number. Write it with + and the country code.
set-up-not-made = This could not be set up. Use another way, or cancel and sign in again.
set-up-app = Connect your authenticator app
set-up-app-note = Type this key in the app. Show it to nobody. Then type the code that the app shows.
set-up-app-link = Open the app on this device

## Codes

code = Enter your code
code-field = Code
code-from-app = Your authenticator app shows the code.
code-by-sms = We sent the code to the number ending in { $ending }.
code-by-voice = We are calling the number ending in { $ending }. The call says the code.
code-by-mail = We sent the code to { $address }.
code-underway = The code is on its way.
code-not-sent = The code could not be sent. Wait a moment and have a new one sent, or choose another way.
code-missing = Enter the code.
code-wrong = This code is not right. Check it and try again.
code-wrong-left =
    { $n ->
        [one] This code is not right. You have one more try.
       *[other] This code is not right. You have { $n } more tries.
    }
code-expired = This code is too old. Enter the newest one.
code-resend = Send a new code
code-resend-in = You can get a new code in { $span }.
code-resent = A new code is on its way.
code-locked = Too many codes were wrong. Wait a few minutes, then have a new one sent.
code-wait = Too many codes were wrong. Wait a few minutes, then try again.
code-too-often = You have had too many codes. Wait a while, then start again.
other-way = Use another way
recovery = Enter a recovery code
recovery-field = Recovery code
recovery-note = Use one of the codes that you saved. Each works once.

## A forgotten password, and a new one

forgot = Forgot your password?
forgot-note = Enter your username. We send an email to the address of the account.
forgot-send = Send the email
forgot-sent = Check your email
forgot-sent-note = If there is an account with this username, an email is on its way. Open its link, or enter its code here.
forgot-sent-note-code = If there is an account with this username, an email is on its way. Enter its code here.
forgot-sent-note-link = If there is an account with this username, an email is on its way. Open its link to choose a new password.
forgot-sent-late = Nothing there? Look in the spam folder, or start again in a few minutes.
forgot-code = Code from the email
forgot-expired = This link or code does not work any more. Start again to get a new one.
forgot-again = Send a new email
new-password-title = Choose a new password
new-password = New password
new-password-hint =
    { $n ->
        [one] At least one character. A few words make a good password.
       *[other] At least { $n } characters. A few words make a good password.
    }
new-password-missing = Enter a new password.
password-short =
    { $n ->
        [one] This password is too short. Use at least one character.
       *[other] This password is too short. Use at least { $n } characters.
    }
password-long =
    { $n ->
        [one] This password is too long. Use at most one character.
       *[other] This password is too long. Use at most { $n } characters.
    }
password-common = Many people use this password, so it is easy to guess. Choose another one.
password-name = This password has your username in it. Choose another one.
password-same = This is your password already. Choose another one.
password-save = Save the password
password-saved = Your password is changed
password-saved-note = Use it from now on.
password-saved-everywhere = You were signed out everywhere else.
password-kept = Your password stays as it is
change-password-first = To change your password, first enter the one that you have.
change-password = Change your password
must-change-password = Choose a new password before you continue.
current-password = Current password
current-password-missing = Enter your current password.
current-password-wrong = The current password is not right.

## Letters

letter-forgotten-subject = { $brand }: choose a new password
letter-forgotten = Somebody asked for a new password for the account { $username }.
letter-forgotten-link = If it was you, open this link:
letter-forgotten-code = If it was you, enter this code on the page where you asked:
letter-forgotten-or-code = Or enter this code on the page where you asked:
letter-forgotten-both = Both work once, for { $span }.
letter-forgotten-once = It works once, for { $span }.
letter-not-you = If it was not you, do nothing: your password stays as it is. Never tell the code to anybody.
letter-not-you-link = If it was not you, do nothing: your password stays as it is. Never give the link to anybody.
letter-changed-subject = { $brand }: your password was changed
letter-changed = The password of the account { $username } was changed a moment ago, and the account was signed out everywhere else.
letter-changed-not-you = If it was not you, choose a new password at once:
letter-device-added-subject = { $brand }: a device was added to your account
letter-device-added = A device was added to the account { $username }. From now on it can confirm that it is you.
letter-device-removed-subject = { $brand }: a device was removed from your account
letter-device-removed = A device of the account { $username } was removed. It confirms nothing any more.
letter-push-locked-subject = { $brand }: you were asked too often on your devices
letter-push-locked = The devices of the account { $username } were asked too often whether it is you. For some time they are not asked any more.
letter-code-subject = { $brand }: your code
letter-code = Enter this code to sign in to { $client }:
letter-code-new-device = With this code, a device that you have not used here before is let in and may become one of yours.
letter-code-not-you = If you are not signing in, somebody knows your password: change it. Never tell the code to anybody.
text-code = { $code } is your code. Never tell it to anybody.
call-code = Your code is: { $digits }. Never tell it to anybody.
text-code-new-device = It lets in a device that is new here.

## A device without a keyboard

device = Connect a device
device-note = Enter the code that your device shows.
device-code = Code on the device
device-unknown = No device is waiting with this code. Check it and try again.
device-expired = This code is too old. Get a new one on the device.
device-confirm = Connect a device with { $client }?
device-same-code = Does your device show this code?
device-warning = Continue only if you started this yourself, on a device in front of you. If somebody sent you the code, cancel.
device-connect = Connect
device-connected = Your device is connected
device-connected-note = Continue there. You can close this page.
device-refused = The device was not connected
device-refused-note = It got nothing from your account. You can close this page.

## Accounts

accounts = Choose an account
account-signed-out = Signed out

## Sign-out

sign-out-question = Sign out?
sign-out-asked = { $client } asks to sign you out.
sign-out-apps = You will be signed out of these apps too:
sign-out = Sign out
stay = Stay signed in
signed-out = You are signed out
signed-out-but = You may still be signed in to these apps:
signed-out-but-note = Sign out there too, or close your browser.

## What cannot go on

error-request = An app sent us a request that we cannot answer.
error-request-of = { $client } sent us a request that we cannot answer.
error-request-do = Go back to the app and try again. If it happens again, tell the people who run the app.
error-client = We do not know the app that sent you here.
error-client-do = Go back to where you came from, and tell the people who run the app.
error-client-off = Signing in to { $client } is switched off.
error-client-off-do = Ask the people who run the app when it will work again.
error-denied = This account may not use the app.
error-denied-do = Use another account, or ask the people who manage yours.
error-signed-out = You are not signed in.
error-signed-out-do = Sign in at one of your apps, then come back to this page.
error-expired = This page is too old to continue.
error-expired-do = Go back to the app and start again.
error-cookies = Your browser does not keep our cookies, so we cannot tell where you were.
error-cookies-do = Allow cookies for this site, then go back to the app and start again.
error-foreign = We cannot tell whether you sent this from our own page.
error-foreign-do = Go back, load the page again, and repeat what you did.
error-not-found = There is nothing at this address.
error-not-found-do = Check the address, or go back to the app and start again.
error-busy = Too many requests came from where you are.
error-busy-do = Wait { $span }, then try again.
error-unavailable = We cannot answer at the moment.
error-unavailable-do = Try again in a minute.
error-internal = Something went wrong on our side.
error-internal-do = Try again. If it happens again, tell us the reference.
reference = Reference

## On the way back to the app

leaving = One moment
leaving-to = Back to { $client }
leaving-note = Your browser continues by itself. If it does not, use the button.
