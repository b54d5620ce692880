# جمل قصيرة مباشرة، بلا مصطلحات، ولا لوم على أحد.

## Around every page

title = { $page }
error-title = خطأ: { $page }
skip = الانتقال إلى المحتوى
languages = اللغة
help = المساعدة
privacy = الخصوصية
terms = الشروط
problem = هناك مشكلة
problems = هناك مشكلات
expires = لديك { $span } في هذه الصفحة.
seconds =
    { $n ->
        [one] ثانية واحدة
        [two] ثانيتان
        [few] { $n } ثوانٍ
       *[other] { $n } ثانية
    }
minutes =
    { $n ->
        [one] دقيقة واحدة
        [two] دقيقتان
        [few] { $n } دقائق
       *[other] { $n } دقيقة
    }
hours =
    { $n ->
        [one] ساعة واحدة
        [two] ساعتان
        [few] { $n } ساعات
       *[other] { $n } ساعة
    }
days =
    { $n ->
        [one] يوم واحد
        [two] يومان
        [few] { $n } أيام
       *[other] { $n } يومًا
    }
cancel = إلغاء
continue = متابعة
back-to = العودة إلى { $client }
back-to-app = العودة إلى التطبيق
may-close = يمكنك إغلاق هذه الصفحة.
slow-down = تكررت المحاولات كثيرًا. مدة الانتظار قبل المحاولة التالية: { $span }.
page-expired = بقيت هذه الصفحة مفتوحة مدة طويلة. حاول مرة أخرى.

## Sign-in

sign-in = تسجيل الدخول
sign-in-to = للمتابعة إلى { $client }
username = اسم المستخدم
password = كلمة المرور
show-password = إظهار كلمة المرور
username-missing = أدخل اسم المستخدم.
password-missing = أدخل كلمة المرور.
forgot-password = هل نسيت كلمة المرور؟
signed-in-as = تم تسجيل الدخول باسم { $name }
other-account = استخدام حساب آخر
asked-again = سجّل الدخول مرة أخرى للمتابعة.
asked-again-by = يطلب منك { $client } تسجيل الدخول مرة أخرى.
long-ago = مرّ وقت على آخر تسجيل دخول. سجّل الدخول مرة أخرى للمتابعة.
stronger-needed = يتطلب هذا تسجيل دخول أكثر أمانًا من السابق.
other-ways = طرق أخرى لتسجيل الدخول
way-passkey = استخدام مفتاح مرور
way-password = استخدام كلمة مرور
wrong-credentials = اسم المستخدم أو كلمة المرور غير صحيح. تحقق منهما وحاول مرة أخرى.
sign-in-given-up = لم تسجّل الدخول. إن أردت ذلك فابدأ من جديد في التطبيق.
second-factor-done = لا يلزم شيء آخر هنا. يمكنك المتابعة.

## Passkeys

passkey = استخدم مفتاح المرور
passkey-note = يطلب منك المتصفح التأكيد ببصمتك أو وجهك أو رمز PIN أو مفتاح أمان.
passkey-failed = لم ينجح ذلك. حاول مرة أخرى أو اختر طريقة أخرى.
passkey-needs-script = تحتاج مفاتيح المرور إلى JavaScript. فعّله أو اختر طريقة أخرى.
passkeys = مفاتيح المرور الخاصة بك
passkeys-note = يسجّل مفتاح المرور دخولك من دون كلمة مرور. يبقى على أجهزتك، ولا يستطيع أي موقع آخر أن يطلبه.
passkeys-none = ليس لديك مفاتيح مرور بعد.
passkey-name = اسم مفتاح المرور
passkey-bad-name = يتكوّن الاسم من حرف واحد إلى 64 حرفًا.
passkey-added = أُضيف في { $day }
passkey-used = آخر استخدام في { $day }
passkey-never-used = لم يُستخدم قط
passkey-rename = حفظ اسم { $name }
passkey-remove = إزالة { $name }
passkey-add = إضافة مفتاح مرور
passkey-add-note = أعطه اسمًا تتعرّف عليه به. ثم يسألك المتصفح أين يحفظه.
passkey-make = إنشاء مفتاح المرور
passkey-not-made = لم يُنشأ مفتاح المرور. حاول مرة أخرى.
passkey-too-many = لديك أكبر عدد ممكن من مفاتيح المرور. أزل واحدًا أولًا.
passkey-gone = لم يعد مفتاح المرور هذا موجودًا.
confirm = أكّد أنك أنت
confirm-note = أنت على وشك تغيير طريقة تسجيل دخولك.

## Applications

applications = التطبيقات المسموح لها
applications-note = تسمح لهذه التطبيقات باستخدام حسابك من دون أن تسألك مرة أخرى. والتطبيق الذي تسحب منه الإذن عليه أن يسألك في المرة القادمة.
applications-none = لا يوجد تطبيق له إذن باستخدام حسابك.
application-since = منذ { $day }
application-withdraw = سحب الإذن من { $client }
application-gone = لم يعد لهذا التطبيق إذن.

## Devices

own-devices = أجهزتك
own-devices-note = بها تُثبت عند تسجيل الدخول أنك أنت. أزل ما لم يعد لديك.
own-devices-none = ليست لديك أجهزة بعد.
own-device-name = اسم الهاتف
own-device-app = تطبيق المصادقة
own-device-primary = يُسأل أولًا
own-device-blocked = حظره أحد المسؤولين
own-device-pushed = تصله الإشعارات
own-device-not-pushed = لا تصله الإشعارات
own-device-first = اسأل { $name } أولًا
own-device-remove = إزالة
own-device-gone = لم يعد هذا الجهاز موجودًا.
phone-add = إضافة هاتف
phone-add-note = اكتب هذا الرمز في التطبيق على الهاتف. يصلح مرة واحدة. لا تُره لأحد.
phone-add-link = فتح التطبيق على هذا الهاتف
phone-add-came = وصل الرمز إلى الهاتف
phone-add-not-yet = لم يستخدم أي هاتف هذا الرمز بعد.
phone-add-over = لم يعد هذا الرمز صالحًا. اطلب رمزًا جديدًا.
phone-add-too-many = لديك أكبر عدد ممكن من الرموز غير المستخدمة. استخدم واحدًا منها، أو انتظر حتى تنتهي صلاحيتها.

## Consent

consent = هل تسمح لـ { $client } باستخدام حسابك؟
consent-asks = يريد { $client }:
consent-asks-more = لدى { $client } بعض الأذونات بالفعل. ويريد الآن أيضًا:
website = الموقع
account = الحساب
unverified = لم يتم التحقق
unverified-note = لم يتحقق أحد هنا ممن يقف وراء هذا التطبيق. اسمح له فقط إذا كنت تعرف الموقع وتثق به.
needed = مطلوب
optional = حسب اختيارك
scope-openid = معرفة أنك أنت
scope-profile = رؤية اسمك وملفك الشخصي
scope-email = رؤية عنوان بريدك الإلكتروني
scope-phone = رؤية رقم هاتفك
scope-address = رؤية عنوانك البريدي
scope-offline = الاحتفاظ بالوصول في غيابك
scope-offline-note = يمكن لـ { $client } استخدامه في أي وقت، إلى أن يُلغى.
details = التفاصيل
client-privacy = سياسة الخصوصية لدى { $client }
client-terms = شروط { $client }
consent-lasts = يُحفظ هذا الإذن إلى أن تسحبه في حسابك، ضمن «التطبيقات المسموح لها».
consent-lasts-but = ما يرد تحت «التفاصيل» يسري هذه المرة فقط. أما الباقي فيُحفظ إلى أن تسحبه في حسابك، ضمن «التطبيقات المسموح لها».
allow = السماح

## Choose a method

method = كيف تريد تأكيد هويتك؟
method-phone = الموافقة على { $device }
method-passkey = مفتاح مرور
method-passkey-named = مفتاح المرور { $name }
method-app = رمز من تطبيق المصادقة
method-sms = رسالة نصية إلى الرقم المنتهي بـ { $ending }
method-voice = مكالمة إلى الرقم المنتهي بـ { $ending }
method-mail = بريد إلكتروني إلى { $address }
method-recovery = رمز استرداد
method-missing = اختر إحدى الطرق.
method-gone = لم تعد هذه الطريقة متاحة. اختر طريقة أخرى.

## Asked on a phone

push = وافق على هاتفك
push-asked = لقد سألناك على { $device }. افتح التطبيق هناك وأجب.
push-asked-new = لقد سألنا على { $device } إن كان هذا الجهاز لك. افتح التطبيق هناك وأجب.
push-number-pick = اختر هذا الرقم هناك:
push-number-type = أدخل هذا الرقم هناك:
push-waiting = ننتظر إجابتك. بعد أن تجيب، اضغط «متابعة».
push-silent = جارٍ التحقق من تطبيقك
push-silent-note = يستغرق ذلك بضع ثوانٍ. لا يلزمك فعل أي شيء.
push-answered = وصلت الإجابة
push-ask = تأكيد أنني أنا
push-ask-note = للمتابعة، أكّد أنك أنت.
push-other = السؤال على جهاز آخر
push-again = السؤال مرة أخرى
push-timed-out = لم تُجب في الوقت المحدد
push-timed-out-note = سألناك على { $device } ولم تصل إجابة.
push-rejected = لقد رفضت
push-rejected-note = لم يتم تسجيل دخولك. إن كان ذلك خطأً فابدأ من جديد في التطبيق. وإن لم تبدأ هذا بنفسك فغيّر كلمة مرورك.
push-too-often = سُئلت مرات كثيرة. انتظر قليلاً ثم ابدأ من جديد.
push-passcode = لم يصلك شيء؟ يعرض التطبيق على { $device } رمزًا أيضًا.
push-passcode-check = التحقق من الرمز
new-device-note = بهذا يُسمح لجهاز لم تستخدمه هنا من قبل بالدخول، ويمكن أن يصبح أحد أجهزتك. تابع فقط إذا كنت تسجّل الدخول عليه بنفسك.

## After a second factor

remember = تم ذلك
remember-field = عدم السؤال مجددًا في هذا المتصفح لمدة { $span }
remember-note = اختر هذا فقط إذا لم يكن أحد غيرك يستخدم هذا الجهاز. كلمة مرور جديدة تُنهي ذلك.
remembered-in =
    { $n ->
        [one] في متصفح واحد لا تُسأل عن خطوة ثانية.
        [two] في متصفحين لا تُسأل عن خطوة ثانية.
        [few] في { $n } متصفحات لا تُسأل عن خطوة ثانية.
       *[other] في { $n } متصفحًا لا تُسأل عن خطوة ثانية.
    }
remember-forget = السؤال مجددًا في كل مكان

## A second factor that is made on the way

set-up = إعداد خطوة ثانية
set-up-note = للمتابعة تحتاج، إلى جانب كلمة المرور، إلى شيء يثبت أنك أنت.
set-up-offer = شيء يثبت، إلى جانب كلمة المرور، أنك أنت يحمي حسابك.
set-up-skip = المتابعة من دونه
set-up-choose = ماذا تريد أن تستخدم؟
set-up-phone = التطبيق على هاتفي
set-up-totp = تطبيق مصادقة
set-up-mail = رموز بالبريد الإلكتروني
set-up-sms = رموز برسالة نصية
set-up-voice = رموز بمكالمة
set-up-place-note = نرسل رمزًا إلى هناك. اكتبه في الصفحة التالية.
set-up-address = عنوان البريد الإلكتروني
set-up-number = رقم الهاتف، مع + ورمز البلد
set-up-address-wrong = لا يمكننا إرسال شيء إلى هذا العنوان. تحقق من كتابته.
set-up-number-wrong = لا يمكننا إرسال شيء إلى هذا الرقم. اكتبه مع + ورمز البلد.
set-up-not-made = تعذّر الإعداد. استخدم طريقة أخرى، أو ألغِ وسجّل الدخول من جديد.
set-up-app = ربط تطبيق المصادقة
set-up-app-note = اكتب هذا المفتاح في التطبيق. لا تُره لأحد. ثم اكتب الرمز الذي يعرضه التطبيق.
set-up-app-link = فتح التطبيق على هذا الجهاز

## Codes

code = أدخل الرمز
code-field = الرمز
code-from-app = يعرض تطبيق المصادقة الرمز.
code-by-sms = أرسلنا الرمز إلى الرقم المنتهي بـ { $ending }.
code-by-voice = نتصل بالرقم المنتهي بـ { $ending }. ستسمع الرمز في المكالمة.
code-by-mail = أرسلنا الرمز إلى { $address }.
code-underway = الرمز في الطريق إليك.
code-not-sent = تعذّر إرسال الرمز. انتظر قليلًا ثم اطلب رمزًا جديدًا، أو اختر طريقة أخرى.
code-missing = أدخل الرمز.
code-wrong = هذا الرمز غير صحيح. تحقق منه وحاول مرة أخرى.
code-wrong-left =
    { $n ->
        [zero] هذا الرمز غير صحيح. لم تبقَ لك محاولات.
        [one] هذا الرمز غير صحيح. بقيت لك محاولة واحدة.
        [two] هذا الرمز غير صحيح. بقيت لك محاولتان.
        [few] هذا الرمز غير صحيح. بقيت لك { $n } محاولات.
       *[other] هذا الرمز غير صحيح. بقيت لك { $n } محاولة.
    }
code-expired = هذا الرمز قديم. أدخل أحدث رمز.
code-resend = إرسال رمز جديد
code-resend-in = المدة المتبقية لطلب رمز جديد: { $span }.
code-resent = رمز جديد في الطريق إليك.
code-locked = عدد كبير من الرموز لم يكن صحيحًا. انتظر بضع دقائق ثم اطلب إرسال رمز جديد.
code-wait = عدد كبير من الرموز لم يكن صحيحًا. انتظر بضع دقائق ثم حاول مرة أخرى.
code-too-often = لقد أُرسل إليك عدد كبير من الرموز. انتظر قليلًا ثم ابدأ من جديد.
other-way = استخدام طريقة أخرى
recovery = أدخل رمز استرداد
recovery-field = رمز الاسترداد
recovery-note = استخدم أحد الرموز التي احتفظت بها. كل رمز يصلح مرة واحدة.

## A forgotten password, and a new one

forgot = هل نسيت كلمة المرور؟
forgot-note = أدخل اسم المستخدم. سنرسل رسالة إلى البريد الإلكتروني للحساب.
forgot-send = إرسال الرسالة
forgot-sent = تحقق من بريدك الإلكتروني
forgot-sent-note = إذا كان هناك حساب بهذا الاسم، فالرسالة في الطريق. افتح الرابط الموجود فيها أو أدخل رمزها هنا.
forgot-sent-note-code = إذا كان هناك حساب بهذا الاسم، فالرسالة في الطريق. أدخل رمزها هنا.
forgot-sent-note-link = إذا كان هناك حساب بهذا الاسم، فالرسالة في الطريق. افتح الرابط الموجود فيها لاختيار كلمة مرور جديدة.
forgot-sent-late = لم يصل شيء؟ ابحث في مجلد الرسائل غير المرغوب فيها، أو ابدأ من جديد بعد بضع دقائق.
forgot-code = الرمز من الرسالة
forgot-expired = لم يعد هذا الرابط أو الرمز صالحًا. ابدأ من جديد للحصول على رمز آخر.
forgot-again = إرسال رسالة جديدة
new-password-title = اختر كلمة مرور جديدة
new-password = كلمة المرور الجديدة
new-password-hint =
    { $n ->
        [one] حرف واحد على الأقل. بضع كلمات تكوّن كلمة مرور جيدة.
        [two] حرفان على الأقل. بضع كلمات تكوّن كلمة مرور جيدة.
        [few] { $n } أحرف على الأقل. بضع كلمات تكوّن كلمة مرور جيدة.
       *[other] { $n } حرفًا على الأقل. بضع كلمات تكوّن كلمة مرور جيدة.
    }
new-password-missing = أدخل كلمة مرور جديدة.
password-short =
    { $n ->
        [one] كلمة المرور هذه قصيرة. استخدم حرفًا واحدًا على الأقل.
        [two] كلمة المرور هذه قصيرة. استخدم حرفين على الأقل.
        [few] كلمة المرور هذه قصيرة. استخدم { $n } أحرف على الأقل.
       *[other] كلمة المرور هذه قصيرة. استخدم { $n } حرفًا على الأقل.
    }
password-long =
    { $n ->
        [one] كلمة المرور هذه طويلة. استخدم حرفًا واحدًا على الأكثر.
        [two] كلمة المرور هذه طويلة. استخدم حرفين على الأكثر.
        [few] كلمة المرور هذه طويلة. استخدم { $n } أحرف على الأكثر.
       *[other] كلمة المرور هذه طويلة. استخدم { $n } حرفًا على الأكثر.
    }
password-common = يستخدم كثير من الناس كلمة المرور هذه، لذا يسهل تخمينها. اختر كلمة أخرى.
password-name = كلمة المرور هذه تحتوي على اسم المستخدم. اختر كلمة أخرى.
password-same = هذه هي كلمة مرورك الحالية. اختر كلمة أخرى.
password-save = حفظ كلمة المرور
password-saved = تم تغيير كلمة المرور
password-saved-note = استخدمها من الآن فصاعدًا.
password-saved-everywhere = تم تسجيل خروجك من كل مكان آخر.
password-kept = كلمة المرور لم تتغير
change-password-first = لتغيير كلمة المرور، أدخل أولًا الكلمة الحالية.
change-password = تغيير كلمة المرور
must-change-password = اختر كلمة مرور جديدة قبل المتابعة.
current-password = كلمة المرور الحالية
current-password-missing = أدخل كلمة المرور الحالية.
current-password-wrong = كلمة المرور الحالية غير صحيحة.

## Letters

letter-forgotten-subject = { $brand }: اختر كلمة مرور جديدة
letter-forgotten = طلب أحدهم كلمة مرور جديدة للحساب { $username }.
letter-forgotten-link = إذا كنت أنت، فافتح هذا الرابط:
letter-forgotten-code = إذا كنت أنت، فأدخل هذا الرمز في الصفحة التي طلبت منها:
letter-forgotten-or-code = أو أدخل هذا الرمز في الصفحة التي طلبت منها:
letter-forgotten-both = كلاهما صالح مرة واحدة، لمدة { $span }.
letter-forgotten-once = صالح مرة واحدة، لمدة { $span }.
letter-not-you = إذا لم تكن أنت، فلا تفعل شيئًا: كلمة المرور تبقى كما هي. لا تعطِ الرمز لأحد.
letter-not-you-link = إذا لم تكن أنت، فلا تفعل شيئًا: كلمة المرور تبقى كما هي. لا تعطِ الرابط لأحد.
letter-changed-subject = { $brand }: تم تغيير كلمة المرور
letter-changed = تم تغيير كلمة مرور الحساب { $username } قبل قليل، وتم تسجيل الخروج من كل مكان آخر.
letter-changed-not-you = إذا لم تكن أنت، فاختر كلمة مرور جديدة فورًا:
letter-device-added-subject = { $brand }: تمت إضافة جهاز إلى حسابك
letter-device-added = تمت إضافة جهاز إلى الحساب { $username }. يمكنه من الآن فصاعدًا تأكيد هويتك.
letter-device-removed-subject = { $brand }: تمت إزالة جهاز من حسابك
letter-device-removed = تمت إزالة جهاز من الحساب { $username }، ولم يعد يؤكد شيئًا.
letter-push-locked-subject = { $brand }: طُلب منك التأكيد على أجهزتك مرات كثيرة
letter-push-locked = طُلب التأكيد على أجهزة الحساب { $username } مرات كثيرة جدًا. لن يُطلب ذلك عليها لبعض الوقت.
letter-code-subject = { $brand }: الرمز الخاص بك
letter-code = أدخل هذا الرمز لتسجيل الدخول إلى { $client }:
letter-code-new-device = بهذا الرمز يُسمح لجهاز لم تستخدمه هنا من قبل بالدخول، ويمكن أن يصبح أحد أجهزتك.
letter-code-not-you = إذا لم تكن أنت من يسجّل الدخول، فهناك من يعرف كلمة مرورك: غيّرها. لا تخبر أحدًا بالرمز أبدًا.
text-code = الرمز الخاص بك هو { $code }. لا تخبر به أحدًا.
call-code = الرمز الخاص بك هو: { $digits }. لا تخبر به أحدًا.
text-code-new-device = يسمح لجهاز جديد هنا بالدخول.

## A device without a keyboard

device = توصيل جهاز
device-note = أدخل الرمز الذي يعرضه جهازك.
device-code = الرمز على الجهاز
device-unknown = لا ينتظر أي جهاز بهذا الرمز. تحقق منه وحاول مرة أخرى.
device-expired = هذا الرمز قديم. احصل على رمز جديد من الجهاز.
device-confirm = هل تريد توصيل جهاز بـ { $client }؟
device-same-code = هل يعرض جهازك هذا الرمز؟
device-warning = تابع فقط إذا بدأت هذا بنفسك على جهاز أمامك. إذا أرسل إليك شخص ما الرمز، فألغِ العملية.
device-connect = توصيل
device-connected = تم توصيل جهازك
device-connected-note = تابع هناك. يمكنك إغلاق هذه الصفحة.
device-refused = لم يتم توصيل الجهاز
device-refused-note = لم يحصل الجهاز على شيء من حسابك. يمكنك إغلاق هذه الصفحة.

## Accounts

accounts = اختر حسابًا
account-signed-out = تم تسجيل الخروج

## Sign-out

sign-out-question = هل تريد تسجيل الخروج؟
sign-out-asked = يطلب { $client } تسجيل خروجك.
sign-out-apps = سيتم تسجيل خروجك من هذه التطبيقات أيضًا:
sign-out = تسجيل الخروج
stay = البقاء
signed-out = تم تسجيل خروجك
signed-out-but = ربما لا تزال مسجّل الدخول إلى هذه التطبيقات:
signed-out-but-note = سجّل خروجك منها أيضًا، أو أغلق متصفحك.

## What cannot go on

error-request = أرسل إلينا تطبيق طلبًا لا يمكننا الرد عليه.
error-request-of = أرسل إلينا { $client } طلبًا لا يمكننا الرد عليه.
error-request-do = عد إلى التطبيق وحاول مرة أخرى. إذا تكرر ذلك، فأخبر القائمين على التطبيق.
error-client = لا نعرف التطبيق الذي أرسلك إلى هنا.
error-client-do = عد إلى حيث كنت، وأخبر القائمين على التطبيق.
error-client-off = تسجيل الدخول إلى { $client } متوقف.
error-client-off-do = اسأل القائمين على التطبيق متى يعود إلى العمل.
error-denied = لا يمكن لهذا الحساب استخدام التطبيق.
error-denied-do = استخدم حسابًا آخر، أو اسأل من يدير حسابك.
error-signed-out = لم تسجّل الدخول.
error-signed-out-do = سجّل الدخول في أحد تطبيقاتك، ثم عد إلى هذه الصفحة.
error-expired = هذه الصفحة قديمة ولا يمكن المتابعة منها.
error-expired-do = عد إلى التطبيق وابدأ من جديد.
error-cookies = متصفحك لا يحتفظ بملفات تعريف الارتباط، فلا نعرف أين كنت.
error-cookies-do = اسمح بملفات تعريف الارتباط لهذا الموقع، ثم عد إلى التطبيق وابدأ من جديد.
error-foreign = لا يمكننا التأكد من أنك أرسلت هذا من صفحتنا.
error-foreign-do = ارجع وأعد تحميل الصفحة، ثم كرر ما فعلته.
error-not-found = لا يوجد شيء في هذا العنوان.
error-not-found-do = تحقق من العنوان، أو عد إلى التطبيق وابدأ من جديد.
error-busy = وصلت طلبات كثيرة جدًا من شبكتك.
error-busy-do = مدة الانتظار قبل المحاولة التالية: { $span }.
error-unavailable = لا يمكننا الرد في الوقت الحالي.
error-unavailable-do = حاول مرة أخرى بعد دقيقة.
error-internal = حدث خطأ من جانبنا.
error-internal-do = حاول مرة أخرى. إذا تكرر ذلك، فأخبرنا بالرقم المرجعي.
reference = الرقم المرجعي

## On the way back to the app

leaving = لحظة من فضلك
leaving-to = العودة إلى { $client }
leaving-note = يتابع متصفحك تلقائيًا. إذا لم يفعل، فاستخدم الزر.
