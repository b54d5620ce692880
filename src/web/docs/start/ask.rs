// Asks a person for a yes, waits for the answer, and shows who it was.
//   cargo add reqwest --features form,json
//   cargo add serde_json
//   cargo add tokio --features macros,rt-multi-thread,time
use std::time::Duration;

use serde_json::Value;

const ISSUER: &str = "http://localhost:8080";
const CLIENT: &str = "shop";
const SECRET: &str = "shop-secret";
const PERSON: &str = "alice";

async fn post(http: &reqwest::Client, path: &str, parameters: &[(&str, &str)]) -> reqwest::Result<Value> {
    let request = http.post(format!("{ISSUER}{path}")).basic_auth(CLIENT, Some(SECRET)).form(parameters);
    request.send().await?.json().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let http = reqwest::Client::new();
    let ask = [("scope", "openid profile"), ("login_hint", PERSON), ("binding_message", "K7Q2")];
    let asked = post(&http, "/as/bc-auth.ciba", &ask).await?;
    println!("{asked}");
    let auth_req_id = asked["auth_req_id"].as_str().ok_or("refused")?;
    let mut interval = asked["interval"].as_u64().unwrap_or(5);

    let grant = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id)];
    let answer = loop {
        tokio::time::sleep(Duration::from_secs(interval)).await;
        let answer = post(&http, "/as/token.oauth2", &grant).await?;
        match answer["error"].as_str() {
            Some("authorization_pending") => {}
            Some("slow_down") => interval += 5,
            _ => break answer,
        }
    };

    let token = answer["access_token"].as_str().ok_or_else(|| answer.to_string())?;
    let who = http.get(format!("{ISSUER}/idp/userinfo.openid")).bearer_auth(token).send().await?;
    println!("{}", who.text().await?);
    Ok(())
}
