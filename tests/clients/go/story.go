// The story of ../README.md, lived with the client that OpenAPI Generator makes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"story/nod"
)

const (
	ciba  = "urn:openid:params:grant-type:ciba"
	limit = 30 * time.Second
)

// The client has no state besides its address: whose call it is comes with the context.
var api = newAPI(os.Getenv("NOD_ISSUER"))

func newAPI(issuer string) *nod.APIClient {
	configuration := nod.NewConfiguration()
	configuration.Servers = nod.ServerConfigurations{{URL: issuer}}
	return nod.NewAPIClient(configuration)
}

func bearer(token string) context.Context {
	return context.WithValue(context.Background(), nod.ContextAccessToken, token)
}

func basic(id, secret string) context.Context {
	credentials := nod.BasicAuth{UserName: id, Password: secret}
	return context.WithValue(context.Background(), nod.ContextBasicAuth, credentials)
}

func assert(holds bool, what ...any) {
	if !holds {
		panic(fmt.Sprintln(what...))
	}
}

// must passes an answer on, and stops at a refusal.
func must[T any](answer T, _ *http.Response, err error) T {
	var refusal *nod.GenericOpenAPIError
	if errors.As(err, &refusal) {
		panic(fmt.Sprintf("%v: %s", err, refusal.Body()))
	}
	assert(err == nil, err)
	return answer
}

// refused gives the error, as the type that the document names.
func refused[T any](status int, response *http.Response, err error) T {
	assert(err != nil, "not refused")
	assert(response != nil && response.StatusCode == status, err)
	var refusal *nod.GenericOpenAPIError
	assert(errors.As(err, &refusal), err)
	model, typed := refusal.Model().(T)
	assert(typed, string(refusal.Body()))
	return model
}

func administrator() context.Context {
	token, err := os.ReadFile(os.Getenv("NOD_BOOTSTRAP"))
	assert(err == nil, err)
	body := nod.NewFirstAdministrator()
	body.SetClientName("Go")
	bootstrap := bearer(strings.TrimSpace(string(token)))
	first := must(api.AdminBootstrapAPI.BootstrapAdministrator(bootstrap).FirstAdministrator(*body).Execute())

	credentials := basic(first.Client.ClientId, first.GetClientSecret())
	answer := must(api.OAuthAPI.RequestToken(credentials).GrantType("client_credentials").Scope("nod:admin").Execute())
	fmt.Println("1-2  the first administrator has a token")
	return bearer(answer.AccessToken)
}

func kiosk(admin context.Context) context.Context {
	body := nod.NewClientCreation()
	body.SetClientId("kiosk")
	body.SetClientName("Kiosk")
	made := must(api.AdminClientsAPI.CreateClient(admin).ClientCreation(*body).Execute())

	read, response, err := api.AdminClientsAPI.GetClient(admin, "kiosk").Execute()
	assert(must(read, response, err).ClientName == "Kiosk")
	etag := response.Header.Get("ETag")

	patch := nod.NewClientPatch()
	patch.SetClientName("Kiosk at the door")
	update := api.AdminClientsAPI.UpdateClient(admin, "kiosk").ClientPatch(*patch).IfMatch(etag)
	assert(must(update.Execute()).ClientName == "Kiosk at the door")
	_, response, err = update.Execute()
	stale := refused[nod.Problem](http.StatusPreconditionFailed, response, err)
	assert(stale.Code == nod.PROBLEMCODE_PRECONDITION_FAILED, stale.Code)
	fmt.Println("3-6  kiosk is registered and renamed; an old tag is refused")
	return basic("kiosk", made.GetClientSecret())
}

func bob(admin context.Context) *nod.User {
	users := api.AdminUsersAPI
	found := must(users.ListUsers(admin).Username("bob").Execute())
	assert(len(found.Items) == 1 && found.Items[0].Username == "bob", found.Items)

	body := nod.NewUserCreation("bob")
	body.SetName("Bob")
	create := users.CreateUser(admin).UserCreation(*body)
	_, response, err := create.Execute()
	second := refused[nod.Problem](http.StatusConflict, response, err)
	assert(second.Code == nod.PROBLEMCODE_USERNAME_TAKEN, second.Code)

	response, err = users.DeleteUser(admin, found.Items[0].Id).Execute()
	assert(err == nil && response.StatusCode == http.StatusNoContent, err)
	made := must(create.Execute())
	assert(made.GetName() == "Bob", made)
	fmt.Println("7-8  bob was there, went, and came again")
	return made
}

func phone(admin context.Context, user *nod.User) *exec.Cmd {
	key := must(api.AdminPairingKeysAPI.CreatePairingKey(admin, user.Id).Execute())
	command := exec.Command(os.Getenv("NOD_BIN"), "phone", "--server", os.Getenv("NOD_ISSUER"), "--user", "bob",
		"--state", os.Getenv("NOD_PHONE"), "--pairing-key-stdin", "--auto", "approve", "--after", "2s", "--once")
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	assert(err == nil, err)
	err = command.Start()
	assert(err == nil, err)
	_, err = io.WriteString(input, key.Key+"\n")
	assert(err == nil, err)
	assert(input.Close() == nil)

	for end := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		if devices := must(api.AdminDevicesAPI.ListUserDevices(admin, user.Id).Execute()); len(devices.Items) > 0 {
			break
		}
		assert(time.Now().Before(end), "the phone did not pair")
	}
	fmt.Println("9    bob's phone is paired")
	return command
}

func ask(client context.Context) *nod.TokenResponse {
	question := api.CibaAPI.RequestBackchannelAuthentication(client).Scope("openid profile").LoginHint("bob")
	asked := must(question.Execute())

	poll := api.OAuthAPI.RequestToken(client).GrantType(ciba).AuthReqId(asked.AuthReqId)
	_, response, err := poll.Execute()
	pending := refused[nod.OAuthError](http.StatusBadRequest, response, err)
	assert(pending.Error == nod.OAUTHERRORCODE_AUTHORIZATION_PENDING, pending.Error)
	fmt.Println("10-11  bob is asked; the answer is pending")

	for end := time.Now().Add(limit); ; {
		time.Sleep(time.Duration(asked.Interval) * time.Second)
		answer, response, err := poll.Execute()
		if err == nil {
			fmt.Println("12   bob approved; there are tokens")
			return answer
		}
		refusal := refused[nod.OAuthError](http.StatusBadRequest, response, err)
		assert(refusal.Error == nod.OAUTHERRORCODE_AUTHORIZATION_PENDING, refusal.Error)
		assert(time.Now().Before(end), "nobody approved")
	}
}

func use(client context.Context, tokens *nod.TokenResponse) {
	userInfo := api.OpenIDConnectAPI.GetUserInfo(bearer(tokens.AccessToken))
	claims := must(userInfo.Execute())
	assert(claims.Sub != "" && claims.GetName() == "Bob", claims)

	response, err := api.OAuthAPI.RevokeToken(client).Token(tokens.AccessToken).Execute()
	assert(err == nil && response.StatusCode == http.StatusOK, err)
	_, response, err = userInfo.Execute()
	refusal := refused[nod.OAuthError](http.StatusUnauthorized, response, err)
	assert(refusal.Error == nod.OAUTHERRORCODE_INVALID_TOKEN, refusal.Error)
	fmt.Println("13-14  UserInfo was read; the token is revoked")
}

func main() {
	admin := administrator()
	client := kiosk(admin)
	process := phone(admin, bob(admin))
	defer func() { _ = process.Process.Kill() }()
	use(client, ask(client))
	err := process.Wait()
	assert(err == nil, err)
}
