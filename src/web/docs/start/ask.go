// Asks a person for a yes, waits for the answer, and shows who it was. Needs no modules.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	issuer = "http://localhost:8080"
	client = "shop"
	secret = "shop-secret"
	person = "alice"
)

func send(request *http.Request) map[string]any {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	return answer
}

func post(path string, parameters url.Values) map[string]any {
	request, err := http.NewRequest("POST", issuer+path, strings.NewReader(parameters.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	request.SetBasicAuth(client, secret)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(request)
}

func main() {
	asked := post("/as/bc-auth.ciba", url.Values{
		"scope": {"openid profile"}, "login_hint": {person}, "binding_message": {"K7Q2"},
	})
	fmt.Println(asked)
	interval, ok := asked["interval"].(float64)
	if !ok {
		log.Fatal(asked)
	}
	grant := url.Values{
		"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {asked["auth_req_id"].(string)},
	}
	answer := map[string]any{"error": "authorization_pending"}
	for answer["error"] == "authorization_pending" || answer["error"] == "slow_down" {
		if answer["error"] == "slow_down" {
			interval += 5
		}
		time.Sleep(time.Duration(interval) * time.Second)
		answer = post("/as/token.oauth2", grant)
	}
	token, ok := answer["access_token"].(string)
	if !ok {
		log.Fatal(answer)
	}
	request, err := http.NewRequest("GET", issuer+"/idp/userinfo.openid", nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	fmt.Println(send(request))
}
