//! The shop's app: it runs a sign-in by the flow API, without cookies (docs/flow-api.md).

use serde_json::Value;

use super::{Paid, Shop, Tokens, Trouble, answered, understood};
use crate::usecase::dev::stories::{APP, APP_SECRET, CALLBACK};

/// What carries a flow on: as each answer says it, and as each call sends it.
const SAID: &str = "_pf_authn_api_state";
const SENT: &str = "x-pf-authn-api-state";

/// A sign-in, as the last answer says.
#[derive(Clone, Debug)]
pub(in crate::web::dev) struct Flow {
    pub id: String,
    pub shown: Value,
    carried: String,
}

impl Flow {
    fn read(body: &[u8]) -> Result<Self, Trouble> {
        let shown: Value = understood(body)?;
        let text = |name: &str| shown.get(name).and_then(Value::as_str).map(str::to_owned);
        match (text("id"), text(SAID)) {
            (Some(id), Some(carried)) => Ok(Self { id, shown, carried }),
            _ => Err(Trouble(format!("the app cannot sign anybody in: {shown}"))),
        }
    }

    /// A member of the state, or of one in it: `/serverPayload/ticket`.
    pub(in crate::web::dev) fn text(&self, pointer: &str) -> Option<&str> {
        self.shown.pointer(pointer)?.as_str()
    }

    /// Whether it has come to what the story tells.
    pub(in crate::web::dev) fn is_at(&self, status: &str) -> Result<(), Trouble> {
        let at = self.text("/status").or_else(|| self.text("/code")).unwrap_or("nothing");
        if at == status { Ok(()) } else { Err(Trouble(format!("the sign-in came to {at}"))) }
    }
}

impl Shop {
    /// A sign-in begins [OIDC Core §3.1.2.1], with its first state as the answer.
    pub(in crate::web::dev) async fn sign_in(&self) -> Result<Flow, Trouble> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", APP)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "pi.flow")
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("scope", "openid profile")
            .finish();
        let (_, body) = answered(self.http.get(format!("{}/as/authorization.oauth2?{query}", self.base))).await?;
        Flow::read(&body)
    }

    pub(in crate::web::dev) async fn act(&self, flow: &Flow, action: &str, body: &Value) -> Result<Flow, Trouble> {
        let request = self.http.post(format!("{}/pf-ws/authn/flows/{}?action={action}", self.base, flow.id));
        let request = request.header(SENT, &flow.carried).header("x-xsrf-header", "nod");
        let request = request.header("content-type", "application/json").body(body.to_string());
        let (_, body) = answered(request).await?;
        let next: Value = understood(&body)?;
        // What is refused has an identifier of its own.
        Flow::read(&body).map(|read| Flow { id: flow.id.clone(), ..read }).map_err(|_| {
            let code = next.get("code").and_then(Value::as_str).unwrap_or("nothing that the app understands");
            Trouble(format!("{action} came to {code}"))
        })
    }

    /// The tokens of a sign-in that is complete, and the ID token as it came.
    pub(in crate::web::dev) async fn tokens(&self, flow: &Flow) -> Result<(Paid, String), Trouble> {
        let code = flow.text("/authorizeResponse/code").ok_or_else(|| Trouble("the app got no code".to_owned()))?;
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        let request = self.http.post(format!("{}/as/token.oauth2", self.base)).basic_auth(APP, Some(APP_SECRET));
        let (status, body) = answered(request.form(&form)).await?;
        if status != 200 {
            return Err(Trouble(super::refused(&body)?.error));
        }
        let Tokens { id_token } = understood(&body)?;
        Ok((self.verify(&id_token).await?, id_token))
    }

    /// The last text that arrived for anybody: what somebody reads at `/dev/inbox`.
    pub(in crate::web::dev) async fn last_text(&self) -> Result<Option<Value>, Trouble> {
        let request = self.http.get(format!("{}/dev/inbox", self.base)).header("accept", "application/json");
        let inbox: Value = understood(&answered(request).await?.1)?;
        Ok(inbox.pointer("/texts/0").cloned())
    }
}
