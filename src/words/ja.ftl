# 短く、です・ます調で。専門用語を使わず、誰も責めない。

## Around every page

title = { $page }
error-title = エラー: { $page }
skip = 本文へ移動
languages = 言語
help = ヘルプ
privacy = プライバシー
terms = 利用規約
problem = 確認が必要です
problems = いくつか確認が必要です
expires = このページの有効時間は{ $span }です。
seconds = { $n }秒
minutes = { $n }分
hours = { $n }時間
days = { $n }日
cancel = キャンセル
continue = 続ける
back-to = { $client } に戻る
back-to-app = アプリに戻る
may-close = このページは閉じてかまいません。
slow-down = 回数が多すぎました。{ $span }待ってから、もう一度お試しください。
page-expired = ページを開いてから時間がたちました。もう一度お試しください。

## Sign-in

sign-in = サインイン
sign-in-to = { $client } に進みます
username = ユーザー名
password = パスワード
show-password = パスワードを表示
username-missing = ユーザー名を入力してください。
password-missing = パスワードを入力してください。
forgot-password = パスワードをお忘れですか？
signed-in-as = { $name } としてサインイン中
other-account = 別のアカウントを使う
asked-again = 続けるには、もう一度サインインしてください。
asked-again-by = { $client } がもう一度サインインするよう求めています。
long-ago = 前回のサインインから時間がたっています。続けるには、もう一度サインインしてください。
stronger-needed = この操作には、より安全なサインインが必要です。
other-ways = ほかのサインイン方法
way-passkey = パスキーを使う
way-password = パスワードを使う
wrong-credentials = ユーザー名またはパスワードが正しくありません。両方を確認して、もう一度お試しください。
sign-in-given-up = サインインしませんでした。サインインするには、アプリでもう一度始めてください。
second-factor-done = ここでの確認は完了しました。続けてください。

## Passkeys

passkey = パスキーを使ってください
passkey-note = ブラウザーが、指紋、顔、PIN、またはセキュリティキーでの確認を求めます。
passkey-failed = うまくいきませんでした。もう一度試すか、別の方法を選んでください。
passkey-needs-script = パスキーにはJavaScriptが必要です。有効にするか、別の方法を選んでください。
passkeys = あなたのパスキー
passkeys-note = パスキーがあれば、パスワードなしでサインインできます。お使いの端末に保存され、ほかのサイトが求めることはできません。
passkeys-none = パスキーはまだありません。
passkey-name = パスキーの名前
passkey-bad-name = 名前は1文字から64文字です。
passkey-added = 追加日 { $day }
passkey-used = 最終使用日 { $day }
passkey-never-used = 未使用
passkey-rename = { $name } の名前を保存
passkey-remove = { $name } を削除
passkey-add = パスキーを追加
passkey-add-note = あとで見分けられる名前を付けてください。続いて、保存先をブラウザーが尋ねます。
passkey-make = パスキーを作成
passkey-not-made = パスキーは作成されませんでした。もう一度試してください。
passkey-too-many = パスキーの数が上限に達しています。先に1つ削除してください。
passkey-gone = このパスキーはもうありません。
confirm = ご本人であることを確認してください
confirm-note = サインインの方法を変更しようとしています。

## Applications

applications = アクセスを許可したアプリ
applications-note = これらのアプリは、再び確認することなくアカウントを利用できます。アクセスを取り消すと、次回は改めて確認が必要になります。
applications-none = アカウントにアクセスできるアプリはありません。
application-since = { $day } から
application-withdraw = { $client } のアクセスを取り消す
application-gone = このアプリはもうアクセスできません。

## Devices

own-devices = お使いの端末
own-devices-note = サインインのとき、これらでご本人であることを確認します。手元にないものは削除してください。
own-devices-none = 端末はまだありません。
own-device-name = 電話の名前
own-device-app = 認証アプリ
own-device-primary = 最初に確認する端末
own-device-blocked = 管理者がブロックしました
own-device-pushed = 通知が届きます
own-device-not-pushed = 通知は届きません
own-device-first = { $name } で最初に確認する
own-device-remove = 削除
own-device-gone = この端末はもうありません。
phone-add = 電話を追加
phone-add-note = 電話のアプリにこのコードを入力してください。使えるのは1回だけです。誰にも見せないでください。
phone-add-link = この電話でアプリを開く
phone-add-came = 電話に入力しました
phone-add-not-yet = このコードを使った電話はまだありません。
phone-add-over = このコードはもう使えません。新しいコードを取得してください。
phone-add-too-many = 未使用のコードの数が上限に達しています。どれかを使うか、有効期限が切れるまでお待ちください。

## Consent

consent = { $client } にアカウントの利用を許可しますか？
consent-asks = { $client } は次のことを求めています。
consent-asks-more = { $client } にはすでに一部を許可しています。さらに次のことを求めています。
website = ウェブサイト
account = アカウント
unverified = 未確認
unverified-note = このアプリの運営者を、こちらでは確認していません。ウェブサイトを知っていて信頼できる場合だけ許可してください。
needed = 必須
optional = 選べるもの
scope-openid = 本人であることの確認
scope-profile = 名前とプロフィールの表示
scope-email = メールアドレスの表示
scope-phone = 電話番号の表示
scope-address = 住所の表示
scope-offline = 利用していない間のアクセス
scope-offline-note = 取り消されるまで、{ $client } はいつでもアクセスできます。
details = 詳しい内容
client-privacy = { $client } のプライバシーポリシー
client-terms = { $client } の利用規約
consent-lasts = この許可は、アカウントの「アクセスを許可したアプリ」で取り消すまで有効です。
consent-lasts-but = 「詳しい内容」は今回限りです。それ以外の許可は、アカウントの「アクセスを許可したアプリ」で取り消すまで有効です。
allow = 許可する

## Choose a method

method = どの方法で本人確認をしますか？
method-phone = { $device } で承認する
method-passkey = パスキー
method-passkey-named = パスキー { $name }
method-app = 認証アプリのコード
method-sms = 末尾が { $ending } の番号へのSMS
method-voice = 末尾が { $ending } の番号への電話
method-mail = { $address } へのメール
method-recovery = リカバリーコード
method-missing = 方法を一つ選んでください。
method-gone = この方法は使えなくなりました。別の方法を選んでください。

## Asked on a phone

push = スマートフォンで承認してください
push-asked = { $device } に確認を送りました。そこでアプリを開いて回答してください。
push-asked-new = このデバイスがご本人のものかどうか、{ $device } に確認を送りました。そこでアプリを開いて回答してください。
push-number-pick = そこでこの番号を選んでください：
push-number-type = そこでこの番号を入力してください：
push-waiting = 回答を待っています。回答したら、「続ける」を押してください。
push-silent = アプリを確認しています
push-silent-note = 数秒かかります。何もする必要はありません。
push-answered = 回答がありました
push-ask = 本人であることを確認する
push-ask-note = 続けるには、ご本人であることを確認してください。
push-other = 別のデバイスで確認する
push-again = もう一度送る
push-timed-out = 時間内に回答がありませんでした
push-timed-out-note = { $device } に確認を送りましたが、回答がありませんでした。
push-rejected = 拒否されました
push-rejected-note = ログインしていません。間違いの場合は、アプリで最初からやり直してください。ご自身で始めたものでない場合は、パスワードを変更してください。
push-too-often = 確認の回数が多すぎます。しばらく待ってから、最初からやり直してください。
push-passcode = 通知が届きませんか。{ $device } のアプリにもコードが表示されます。
push-passcode-check = コードを確認
new-device-note = この操作により、ここで初めて使われるデバイスが認められ、ご本人のデバイスとして登録できるようになります。ご自身がそのデバイスでサインインしている場合にのみ続けてください。

## After a second factor

remember = 確認できました
remember-field = このブラウザーでは今後{ $span }、確認を求めない
remember-note = ほかの人が使わないデバイスでだけ選んでください。パスワードを変えると無効になります。
remembered-in = { $n }個のブラウザーで、2つ目の手順を求めていません。
remember-forget = すべてのブラウザーで再び求める

## A second factor that is made on the way

set-up = 2つ目の手順を設定
set-up-note = 続けるには、パスワードのほかに、ご本人であることを示すものが必要です。
set-up-offer = パスワードのほかに、ご本人であることを示すものがあると、アカウントを守れます。
set-up-skip = 設定せずに続ける
set-up-choose = 何を使いますか?
set-up-phone = 電話のアプリ
set-up-totp = 認証アプリ
set-up-mail = メールで届くコード
set-up-sms = SMSで届くコード
set-up-voice = 電話で聞くコード
set-up-place-note = そこにコードを送ります。次のページで入力してください。
set-up-address = メールアドレス
set-up-number = 電話番号 (+ と国番号から)
set-up-address-wrong = このアドレスには送れません。正しく入力されているか確認してください。
set-up-number-wrong = この番号には送れません。+ と国番号から入力してください。
set-up-not-made = 設定できませんでした。別の方法を使うか、キャンセルしてもう一度サインインしてください。
set-up-app = 認証アプリを登録
set-up-app-note = アプリにこのキーを入力してください。誰にも見せないでください。そのあと、アプリに表示されるコードを入力してください。
set-up-app-link = この端末でアプリを開く

## Codes

code = コードを入力
code-field = コード
code-from-app = 認証アプリにコードが表示されています。
code-by-sms = 末尾が { $ending } の番号にコードを送りました。
code-by-voice = 末尾が { $ending } の番号に電話しています。音声でコードをお伝えします。
code-by-mail = { $address } にコードを送りました。
code-underway = コードを送っています。
code-not-sent = コードを送れませんでした。少し待ってから新しいコードを送るか、別の方法を選んでください。
code-missing = コードを入力してください。
code-wrong = コードが正しくありません。確認して、もう一度お試しください。
code-wrong-left = コードが正しくありません。あと{ $n }回お試しいただけます。
code-expired = コードの有効期限が切れました。最新のコードを入力してください。
code-resend = 新しいコードを送る
code-resend-in = { $span }後に新しいコードを送れます。
code-resent = 新しいコードを送りました。
code-locked = 正しくないコードが多すぎました。数分待ってから、新しいコードを送信してください。
code-wait = 正しくないコードが多すぎました。数分待ってから、もう一度お試しください。
code-too-often = コードの送信回数が多すぎます。しばらく待ってから、もう一度始めてください。
other-way = 別の方法を使う
recovery = リカバリーコードを入力
recovery-field = リカバリーコード
recovery-note = 保管しておいたコードの一つを使ってください。一つのコードは一度だけ使えます。

## A forgotten password, and a new one

forgot = パスワードをお忘れですか？
forgot-note = ユーザー名を入力してください。アカウントのアドレスにメールを送ります。
forgot-send = メールを送る
forgot-sent = メールをご確認ください
forgot-sent-note = このユーザー名のアカウントがあれば、メールが届きます。リンクを開くか、コードをここに入力してください。
forgot-sent-note-code = このユーザー名のアカウントがあれば、メールが届きます。コードをここに入力してください。
forgot-sent-note-link = このユーザー名のアカウントがあれば、メールが届きます。リンクを開いて、新しいパスワードを決めてください。
forgot-sent-late = 届かない場合は、迷惑メールフォルダーを確認するか、数分後にもう一度お試しください。
forgot-code = メールのコード
forgot-expired = このリンクまたはコードは使えなくなりました。もう一度始めると、新しいものを受け取れます。
forgot-again = 新しいメールを送る
new-password-title = 新しいパスワードを決める
new-password = 新しいパスワード
new-password-hint = { $n }文字以上。いくつかの言葉を組み合わせると良いパスワードになります。
new-password-missing = 新しいパスワードを入力してください。
password-short = パスワードが短すぎます。{ $n }文字以上にしてください。
password-long = パスワードが長すぎます。{ $n }文字以下にしてください。
password-common = このパスワードは多くの人が使っていて、推測されやすいものです。別のものにしてください。
password-name = このパスワードにはユーザー名が含まれています。別のものを決めてください。
password-same = 今のパスワードと同じです。別のものにしてください。
password-save = パスワードを保存
password-saved = パスワードを変更しました
password-saved-note = これからは新しいパスワードをお使いください。
password-saved-everywhere = ほかの場所ではサインアウトしました。
password-kept = パスワードはそのままです
change-password-first = パスワードを変更するには、まず今のパスワードを入力してください。
change-password = パスワードの変更
must-change-password = 続ける前に、新しいパスワードを決めてください。
current-password = 今のパスワード
current-password-missing = 今のパスワードを入力してください。
current-password-wrong = 今のパスワードが正しくありません。

## Letters

letter-forgotten-subject = { $brand }：新しいパスワードを決めてください
letter-forgotten = アカウント { $username } の新しいパスワードが求められました。
letter-forgotten-link = ご自身の場合は、このリンクを開いてください。
letter-forgotten-code = ご自身の場合は、このコードを元のページに入力してください。
letter-forgotten-or-code = または、このコードを元のページに入力してください。
letter-forgotten-both = どちらも { $span }以内に一度だけ使えます。
letter-forgotten-once = { $span }以内に一度だけ使えます。
letter-not-you = 心当たりがない場合は、何もしないでください。パスワードはそのままです。コードは誰にも教えないでください。
letter-not-you-link = 心当たりがない場合は、何もしないでください。パスワードはそのままです。リンクは誰にも教えないでください。
letter-changed-subject = { $brand }：パスワードが変更されました
letter-changed = アカウント { $username } のパスワードが先ほど変更され、ほかの場所ではサインアウトされました。
letter-changed-not-you = 心当たりがない場合は、すぐに新しいパスワードを決めてください。
letter-device-added-subject = { $brand }：アカウントにデバイスが追加されました
letter-device-added = アカウント { $username } にデバイスが追加されました。今後、このデバイスで本人確認ができます。
letter-device-removed-subject = { $brand }：アカウントからデバイスが削除されました
letter-device-removed = アカウント { $username } のデバイスが削除されました。今後、このデバイスでは本人確認ができません。
letter-push-locked-subject = { $brand }：デバイスへの確認が多すぎました
letter-push-locked = アカウント { $username } のデバイスに、本人確認の通知が多く送られすぎました。しばらくの間、通知は送られません。
letter-code-subject = { $brand }：コードのお知らせ
letter-code = { $client } にサインインするには、このコードを入力してください。
letter-code-new-device = このコードを使うと、ここで初めて使われるデバイスが認められ、ご本人のデバイスとして登録できるようになります。
letter-code-not-you = サインインしようとしていない場合は、誰かがあなたのパスワードを知っています。パスワードを変更してください。コードは誰にも教えないでください。
text-code = コードは { $code } です。誰にも教えないでください。
call-code = コードは、{ $digits }、です。誰にも教えないでください。
text-code-new-device = 新しいデバイスを認めるコードです。

## A device without a keyboard

device = デバイスの接続
device-note = デバイスに表示されているコードを入力してください。
device-code = デバイスのコード
device-unknown = このコードで待っているデバイスはありません。確認して、もう一度お試しください。
device-expired = コードの有効期限が切れました。デバイスで新しいコードを表示してください。
device-confirm = デバイスを { $client } に接続しますか？
device-same-code = デバイスに同じコードが表示されていますか？
device-warning = 目の前のデバイスでご自分が始めた場合だけ続けてください。誰かからコードを受け取った場合は、キャンセルしてください。
device-connect = 接続する
device-connected = デバイスを接続しました
device-connected-note = デバイスで続けてください。このページは閉じてかまいません。
device-refused = デバイスは接続されませんでした
device-refused-note = アカウントの情報は何も渡していません。このページは閉じてかまいません。

## Accounts

accounts = アカウントを選ぶ
account-signed-out = サインアウト済み

## Sign-out

sign-out-question = サインアウトしますか？
sign-out-asked = { $client } がサインアウトを求めています。
sign-out-apps = 次のアプリからもサインアウトします。
sign-out = サインアウト
stay = サインインしたままにする
signed-out = サインアウトしました
signed-out-but = 次のアプリには、まだサインインしている可能性があります。
signed-out-but-note = それぞれのアプリでもサインアウトするか、ブラウザーを閉じてください。

## What cannot go on

error-request = アプリから、お答えできない要求が届きました。
error-request-of = { $client } から、お答えできない要求が届きました。
error-request-do = アプリに戻って、もう一度お試しください。繰り返し起きる場合は、アプリの運営者にお知らせください。
error-client = 移動元のアプリを確認できません。
error-client-do = 元の場所に戻り、アプリの運営者にお知らせください。
error-client-off = { $client } へのサインインは停止されています。
error-client-off-do = いつ再開するか、アプリの運営者にお問い合わせください。
error-denied = このアカウントではアプリを利用できません。
error-denied-do = 別のアカウントを使うか、アカウントの管理者にお問い合わせください。
error-signed-out = サインインしていません。
error-signed-out-do = お使いのアプリのどれかでサインインしてから、このページに戻ってください。
error-expired = このページは古くなったため、続けられません。
error-expired-do = アプリに戻って、もう一度始めてください。
error-cookies = ブラウザーがCookieを保存していないため、途中の状態が分かりません。
error-cookies-do = このサイトのCookieを許可してから、アプリに戻って、もう一度始めてください。
error-foreign = このサイトのページから送られたものか確認できません。
error-foreign-do = 前に戻ってページを読み込み直し、もう一度操作してください。
error-not-found = このアドレスには何もありません。
error-not-found-do = アドレスを確認するか、アプリに戻って、もう一度始めてください。
error-busy = お使いのネットワークからの要求が多すぎます。
error-busy-do = { $span }待ってから、もう一度お試しください。
error-unavailable = ただいまお答えできません。
error-unavailable-do = 1分ほどしてから、もう一度お試しください。
error-internal = こちら側で問題が起きました。
error-internal-do = もう一度お試しください。繰り返し起きる場合は、参照番号をお知らせください。
reference = 参照番号

## On the way back to the app

leaving = お待ちください
leaving-to = { $client } に戻ります
leaving-note = 自動的に移動します。移動しない場合は、ボタンを押してください。
