//! A request at the authorization endpoint [RFC 6749 §4.1.1, OIDCC §3.1.2.1]: whom the answer goes to, and
//! what is asked for. The two are read one after the other, because a refusal goes to the client only
//! when we know where that is [RFC 6749 §4.1.2.1].

use serde::{Deserialize, Serialize};

use super::authorization_details::{AuthorizationDetails, DetailType};
use super::claims_request::ClaimsRequest;
use super::dpop;
use super::error::{ErrorCode, Refusal};
use super::extent::Extent;
use super::jwt::Thumbprint;
use super::parameters::Parameters;
use super::pkce::CodeChallenge;
use super::redirect_uri::RedirectUri;
use super::resource;
use super::scope::Scope;
use super::words::words;

words! {
    /// `response_type` [OAuth 2.0 Multiple Response Types §3, §5].
    ResponseType {
        Code = "code",
        IdToken = "id_token",
        IdTokenToken = "id_token token",
        CodeIdToken = "code id_token",
        CodeToken = "code token",
        CodeIdTokenToken = "code id_token token",
    }
}

impl ResponseType {
    /// The order of the words does not matter [OAuth 2.0 Multiple Response Types §1].
    pub fn of(text: &str) -> Option<Self> {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        Self::parse(&words.join(" "))
    }

    pub const fn has_code(self) -> bool {
        matches!(self, Self::Code | Self::CodeIdToken | Self::CodeToken | Self::CodeIdTokenToken)
    }

    pub const fn has_id_token(self) -> bool {
        matches!(self, Self::IdToken | Self::IdTokenToken | Self::CodeIdToken | Self::CodeIdTokenToken)
    }

    pub const fn has_token(self) -> bool {
        matches!(self, Self::IdTokenToken | Self::CodeToken | Self::CodeIdTokenToken)
    }

    /// The authorization endpoint itself gives something that is worth something: the implicit grant, or part of it.
    pub const fn is_in_front(self) -> bool {
        self.has_id_token() || self.has_token()
    }

    /// [OAuth 2.0 Multiple Response Types §2.1, §5] what would be a token in a log never goes in the query.
    const fn default_mode(self) -> ResponseMode {
        match self {
            Self::Code => ResponseMode::Query,
            Self::IdToken | Self::IdTokenToken | Self::CodeIdToken | Self::CodeToken | Self::CodeIdTokenToken => {
                ResponseMode::Fragment
            }
        }
    }
}

words! {
    /// `response_mode`.
    ResponseMode {
        Query = "query",
        Fragment = "fragment",
        /// OAuth 2.0 Form Post Response Mode.
        FormPost = "form_post",
        /// JWT Secured Authorization Response Mode (JARM): as the `response_type` has it, as a JWT.
        Jwt = "jwt",
        QueryJwt = "query.jwt",
        FragmentJwt = "fragment.jwt",
        FormPostJwt = "form_post.jwt",
        /// Nobody is redirected: the answer is the last state of the authentication flow.
        Flow = "pi.flow",
    }
}

impl ResponseMode {
    /// The answer is one JWT.
    pub const fn is_jwt(self) -> bool {
        matches!(self, Self::Jwt | Self::QueryJwt | Self::FragmentJwt | Self::FormPostJwt)
    }

    /// Where the answer is in a log of some server on the way.
    const fn is_query(self) -> bool {
        matches!(self, Self::Query | Self::QueryJwt)
    }

    /// [JARM §2.3.4] `jwt` is the JWT in the place that `by_type` is; what may not be in the query is not, so
    /// that an error can be told.
    const fn at(self, by_type: Self) -> Self {
        match (self, by_type) {
            (Self::Jwt | Self::QueryJwt, Self::Fragment) => Self::FragmentJwt,
            (Self::Jwt, _) => Self::QueryJwt,
            (Self::Query, Self::Fragment) => Self::Fragment,
            (mode, _) => mode,
        }
    }
}

words! {
    /// One value of `prompt` [OIDCC §3.1.2.1].
    Prompt {
        None = "none",
        Login = "login",
        Consent = "consent",
        SelectAccount = "select_account",
    }
}

/// Where the answer goes, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    pub redirect_uri: String,
    pub mode: ResponseMode,
    /// Returned as it came [RFC 6749 §4.1.2].
    pub state: Option<String>,
}

impl Destination {
    /// Refused, the request is answered with a page: there is nobody to redirect to.
    pub fn parse(parameters: &Parameters, registered: &[RedirectUri]) -> Result<Self, Refusal> {
        // [OIDCC §3.1.2.1] always required, however many are registered.
        let redirect_uri =
            parameters.get("redirect_uri").ok_or(Refusal::invalid_request("redirect_uri is required."))?;
        if !registered.iter().any(|registered| registered.accepts(redirect_uri)) {
            return Err(Refusal::invalid_request("redirect_uri is not registered for the client."));
        }
        // What is wrong with either of the two is told later, by the best way there is.
        let by_type = parameters
            .get("response_type")
            .and_then(ResponseType::of)
            .map_or(ResponseMode::Query, ResponseType::default_mode);
        let asked = parameters.get("response_mode").and_then(ResponseMode::parse);
        let mode = asked.map_or(by_type, |asked| asked.at(by_type));
        let state = parameters.get("state").map(str::to_owned);
        Ok(Self { redirect_uri: redirect_uri.to_owned(), mode, state })
    }

    /// The same place, and there a JWT.
    #[must_use]
    pub fn signed(self) -> Self {
        let mode = match self.mode {
            ResponseMode::Query => ResponseMode::QueryJwt,
            ResponseMode::Fragment => ResponseMode::FragmentJwt,
            ResponseMode::FormPost => ResponseMode::FormPostJwt,
            mode @ (ResponseMode::Jwt
            | ResponseMode::QueryJwt
            | ResponseMode::FragmentJwt
            | ResponseMode::FormPostJwt
            | ResponseMode::Flow) => mode,
        };
        Self { mode, ..self }
    }
}

/// What a client may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Permitted<'a> {
    pub response_types: &'a [ResponseType],
    pub scope: &'a Scope,
    /// A code is worth nothing without the verifier.
    pub challenge_required: bool,
    /// `response_mode=pi.flow`.
    pub redirectless: bool,
    /// `dpop_jkt`: its tokens are not bound to a certificate in any case [RFC 8705 §3.4].
    pub bound_to_keys: bool,
    /// Our own name: each client may have tokens for us.
    pub issuer: &'a str,
    /// What else it may have tokens for [RFC 8707].
    pub resources: &'a [String],
    /// Types of `authorization_details` that the server knows, and those that the client may use.
    pub known_details: &'a [DetailType],
    pub details: &'a [String],
}

/// What is asked for, and of whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    pub destination: Destination,
    pub response_type: ResponseType,
    pub scope: Scope,
    pub nonce: Option<String>,
    pub challenge: Option<CodeChallenge>,
    pub dpop_jkt: Option<Thumbprint>,
    pub prompt: Vec<Prompt>,
    /// Seconds.
    pub max_age: Option<u32>,
    /// As it was sent: values in order of preference.
    pub acr_values: Option<String>,
    pub login_hint: Option<String>,
    pub ui_locales: Option<String>,
    pub extent: Extent,
}

impl AuthorizationRequest {
    pub fn parse(
        parameters: &Parameters,
        destination: Destination,
        permitted: &Permitted<'_>,
    ) -> Result<Self, Refusal> {
        // `request` and `request_uri` were read before.
        if parameters.contains("registration") {
            let told = "The parameter registration is not supported.";
            return Err(Refusal::new(ErrorCode::RegistrationNotSupported, told));
        }
        let response_type = response_type(parameters, permitted)?;
        response_mode(parameters, response_type, permitted)?;
        let scope = parameters.get("scope").ok_or(Refusal::new(ErrorCode::InvalidScope, "scope is required."))?;
        let scope = Scope::parse(scope)
            .filter(|scope| scope.is_within(permitted.scope))
            .ok_or(Refusal::new(ErrorCode::InvalidScope, "A scope is malformed, unknown or not for this client."))?;
        // [OIDCC §11] ignored where there is no code: nothing of what is given outlives the session.
        let scope =
            if response_type.has_code() { Some(scope) } else { scope.only(|name| name != Scope::OFFLINE_ACCESS) };
        let scope =
            scope.ok_or(Refusal::new(ErrorCode::InvalidScope, "The scope has nothing for this response_type."))?;
        let nonce = parameters.get("nonce").map(str::to_owned);
        if response_type.has_id_token() {
            if !scope.contains(Scope::OPENID) {
                return Err(Refusal::new(ErrorCode::InvalidScope, "An ID token needs the scope openid."));
            }
            // [OIDCC §3.2.2.1, §3.3.2.1]
            if nonce.is_none() {
                return Err(Refusal::invalid_request("nonce is required for this response_type."));
            }
        }
        let extent = extent(parameters, &scope, permitted)?;
        let challenge = CodeChallenge::of_request(parameters)?;
        // [RFC 9700 §2.1.1]
        if challenge.is_none() && response_type.has_code() && permitted.challenge_required {
            return Err(Refusal::invalid_request("code_challenge is required."));
        }
        Ok(Self {
            destination,
            response_type,
            scope,
            nonce,
            challenge,
            dpop_jkt: dpop_jkt(parameters, permitted)?,
            prompt: prompt(parameters)?,
            max_age: max_age(parameters)?,
            acr_values: parameters.get("acr_values").map(str::to_owned),
            login_hint: parameters.get("login_hint").map(str::to_owned),
            ui_locales: parameters.get("ui_locales").map(str::to_owned),
            extent,
        })
    }

    /// What a device asks for [RFC 8628 §3.1]: nobody is sent anywhere.
    pub fn of_device(scope: Scope, ui_locales: Option<&str>) -> Self {
        Self {
            destination: Destination { redirect_uri: String::new(), mode: ResponseMode::Query, state: None },
            response_type: ResponseType::Code,
            scope,
            nonce: None,
            challenge: None,
            dpop_jkt: None,
            prompt: Vec::new(),
            max_age: None,
            acr_values: None,
            login_hint: None,
            ui_locales: ui_locales.map(str::to_owned),
            extent: Extent::default(),
        }
    }

    pub fn prompts(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }
}

fn extent(parameters: &Parameters, scope: &Scope, permitted: &Permitted<'_>) -> Result<Extent, Refusal> {
    let claims = match parameters.get("claims") {
        // [OIDCC §5.5] claims that the client may not have are not given; it is no reason to refuse.
        Some(text) => ClaimsRequest::parse(text)?.only(|scope| permitted.scope.contains(scope)),
        None => ClaimsRequest::default(),
    };
    let may_have = |uri: &str| uri == permitted.issuer || permitted.resources.iter().any(|own| own == uri);
    let details = match parameters.get("authorization_details") {
        Some(text) => AuthorizationDetails::parse(text, permitted.known_details, permitted.details)?,
        None => AuthorizationDetails::default(),
    };
    // They are OpenID Connect's: without openid nobody is told who the person is.
    let claims = if scope.contains(Scope::OPENID) { claims } else { ClaimsRequest::default() };
    Ok(Extent { claims, resources: resource::asked(parameters, may_have)?, details })
}

fn response_type(parameters: &Parameters, permitted: &Permitted<'_>) -> Result<ResponseType, Refusal> {
    let text = parameters.get("response_type").ok_or(Refusal::invalid_request("response_type is required."))?;
    let response_type = ResponseType::of(text)
        .ok_or(Refusal::new(ErrorCode::UnsupportedResponseType, "The response_type is not supported."))?;
    if !permitted.response_types.contains(&response_type) {
        return Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "The client is not registered for this response_type.",
        ));
    }
    Ok(response_type)
}

fn response_mode(
    parameters: &Parameters,
    response_type: ResponseType,
    permitted: &Permitted<'_>,
) -> Result<(), Refusal> {
    let Some(text) = parameters.get("response_mode") else { return Ok(()) };
    match (ResponseMode::parse(text), response_type.default_mode()) {
        (None, _) => Err(Refusal::invalid_request("The response_mode is not supported.")),
        // [OAuth 2.0 Multiple Response Types §5, JARM §2.3.1]
        (Some(mode), ResponseMode::Fragment) if mode.is_query() => {
            Err(Refusal::invalid_request("This response_type is not answered in the query."))
        }
        (Some(ResponseMode::Flow), _) if !permitted.redirectless => {
            Err(Refusal::new(ErrorCode::UnauthorizedClient, "The client is not registered for response_mode pi.flow."))
        }
        (Some(_), _) => Ok(()),
    }
}

/// The key that the code will be for. With another binding of its tokens, nobody could redeem it.
fn dpop_jkt(parameters: &Parameters, permitted: &Permitted<'_>) -> Result<Option<Thumbprint>, Refusal> {
    match parameters.get("dpop_jkt") {
        Some(_) if !permitted.bound_to_keys => Err(dpop::NOT_TO_A_KEY),
        named => named.map(dpop::jkt).transpose(),
    }
}

fn prompt(parameters: &Parameters) -> Result<Vec<Prompt>, Refusal> {
    let mut prompts = Vec::new();
    for word in parameters.get("prompt").unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
        let prompt = Prompt::parse(word).ok_or(Refusal::invalid_request("A value of prompt is not supported."))?;
        if !prompts.contains(&prompt) {
            prompts.push(prompt);
        }
    }
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return Err(Refusal::invalid_request("prompt=none goes with no other value."));
    }
    Ok(prompts)
}

fn max_age(parameters: &Parameters) -> Result<Option<u32>, Refusal> {
    let Some(text) = parameters.get("max_age") else { return Ok(None) };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    // Longer than anybody is signed in is as long.
    let seconds = text.parse::<u64>().ok().filter(|_| digits).map(|age| u32::try_from(age).unwrap_or(u32::MAX));
    seconds.map(Some).ok_or(Refusal::invalid_request("max_age is a number of seconds."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "client_id=shop&redirect_uri=https://shop.example/cb&response_type=code&scope=openid";
    const CHALLENGE: &str = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    fn read(query: &str, permit: impl Fn(&mut Permitted<'_>)) -> Result<AuthorizationRequest, Refusal> {
        let parameters = Parameters::parse(query.as_bytes()).unwrap();
        let registered = [RedirectUri::parse("https://shop.example/cb").unwrap()];
        let scope = Scope::parse("openid profile").unwrap();
        let mut permitted = Permitted {
            response_types: ResponseType::ALL,
            scope: &scope,
            challenge_required: false,
            redirectless: false,
            bound_to_keys: true,
            issuer: "https://op.example",
            resources: &[],
            known_details: &[],
            details: &[],
        };
        permit(&mut permitted);
        let destination = Destination::parse(&parameters, &registered)?;
        AuthorizationRequest::parse(&parameters, destination, &permitted)
    }

    fn refused(query: &str) -> ErrorCode {
        read(query, |_| {}).expect_err(query).code
    }

    #[test]
    fn multiple_response_types_the_order_of_the_words_does_not_matter() {
        assert_eq!(ResponseType::of("token id_token code"), Some(ResponseType::CodeIdTokenToken));
        assert_eq!(ResponseType::of("id_token code"), Some(ResponseType::CodeIdToken));
        for unknown in ["", "token", "none", "code code", "code  id_token", "Code", "code x"] {
            assert_eq!(ResponseType::of(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn oidcc_3_1_2_1_a_plain_request() {
        let request = read(&format!("{GOOD}&state=a%20b%0d%0a&nonce=n&max_age=10&prompt=login+consent&x=y"), |_| {});
        let request = request.unwrap();
        assert_eq!(request.destination.mode, ResponseMode::Query);
        assert_eq!(request.destination.state.as_deref(), Some("a b\r\n"));
        assert_eq!((request.nonce.as_deref(), request.max_age), (Some("n"), Some(10)));
        assert!(request.prompts(Prompt::Login) && request.prompts(Prompt::Consent) && !request.prompts(Prompt::None));
    }

    #[test]
    fn rfc6749_4_1_2_1_each_fault_has_its_code() {
        for (query, code) in [
            (GOOD.replace("response_type=code&", ""), ErrorCode::InvalidRequest),
            (GOOD.replace("=code", "=token"), ErrorCode::UnsupportedResponseType),
            (GOOD.replace("=openid", "=openid+email"), ErrorCode::InvalidScope),
            (GOOD.replace("&scope=openid", ""), ErrorCode::InvalidScope),
            (format!("{GOOD}&prompt=none+login"), ErrorCode::InvalidRequest),
            (format!("{GOOD}&prompt=Login"), ErrorCode::InvalidRequest),
            (format!("{GOOD}&max_age=-1"), ErrorCode::InvalidRequest),
            (format!("{GOOD}&max_age=%2b1"), ErrorCode::InvalidRequest),
            (format!("{GOOD}&response_mode=web_message"), ErrorCode::InvalidRequest),
            (format!("{GOOD}&response_mode=pi.flow"), ErrorCode::UnauthorizedClient),
            (format!("{GOOD}&code_challenge=x"), ErrorCode::InvalidRequest),
            (format!("{GOOD}&claims=x"), ErrorCode::InvalidRequest),
            (format!("{GOOD}&resource=https://other.example"), ErrorCode::InvalidTarget),
            (format!("{GOOD}&authorization_details=[]"), ErrorCode::InvalidAuthorizationDetails),
            (format!("{GOOD}&dpop_jkt=x"), ErrorCode::InvalidRequest),
            (format!("{GOOD}&registration=x"), ErrorCode::RegistrationNotSupported),
            (GOOD.replace("=code", "=id_token"), ErrorCode::InvalidRequest),
            (GOOD.replace("=code", "=id_token&nonce=n").replace("openid", "profile"), ErrorCode::InvalidScope),
            (GOOD.replace("=code", "=id_token&nonce=n").replace("openid", "offline_access"), ErrorCode::InvalidScope),
            (GOOD.replace("=code", "=code+id_token&nonce=n&response_mode=query"), ErrorCode::InvalidRequest),
            (GOOD.replace("=code", "=code+id_token&nonce=n&response_mode=query.jwt"), ErrorCode::InvalidRequest),
        ] {
            assert_eq!(refused(&query), code, "{query}");
        }
    }

    #[test]
    fn oidcc_5_5_claims_that_a_client_may_not_have_are_left_out() {
        let claims = "%7B%22userinfo%22:%7B%22email%22:null,%22name%22:null%7D%7D";
        let request = read(&format!("{GOOD}&claims={claims}&resource=https://op.example"), |_| {}).unwrap();
        let names: Vec<_> = request.extent.claims.userinfo.iter().map(|claim| claim.as_str()).collect();
        assert_eq!(names, ["name"], "the scope email is not registered");
        assert_eq!(request.extent.resources, ["https://op.example"], "we are always one");
    }

    #[test]
    fn what_a_client_is_not_permitted_is_refused() {
        let only_code: &[ResponseType] = &[ResponseType::Code];
        let hybrid = GOOD.replace("=code", "=code+id_token&nonce=n");
        let refused = read(&hybrid, |permitted| permitted.response_types = only_code).unwrap_err();
        assert_eq!(refused.code, ErrorCode::UnauthorizedClient);
        let refused = read(GOOD, |permitted| permitted.challenge_required = true).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest);
        assert!(read(&format!("{GOOD}&{CHALLENGE}"), |permitted| permitted.challenge_required = true).is_ok());
        assert!(read(&format!("{GOOD}&response_mode=pi.flow"), |permitted| permitted.redirectless = true).is_ok());
    }

    #[test]
    fn multiple_response_types_5_tokens_go_in_the_fragment_and_so_do_their_errors() {
        let mode = |query: &str| {
            let registered = [RedirectUri::parse("https://shop.example/cb").unwrap()];
            Destination::parse(&Parameters::parse(query.as_bytes()).unwrap(), &registered).unwrap().mode
        };
        let hybrid = GOOD.replace("=code", "=code+token");
        assert_eq!(mode(&hybrid), ResponseMode::Fragment);
        assert_eq!(mode(&format!("{hybrid}&response_mode=query")), ResponseMode::Fragment);
        assert_eq!(mode(&format!("{hybrid}&response_mode=form_post")), ResponseMode::FormPost);
        assert_eq!(mode(&format!("{GOOD}&response_mode=fragment")), ResponseMode::Fragment);
        assert_eq!(mode(&format!("{GOOD}&response_mode=jwt")), ResponseMode::QueryJwt);
        assert_eq!(mode(&format!("{hybrid}&response_mode=jwt")), ResponseMode::FragmentJwt);
        assert_eq!(mode(&format!("{hybrid}&response_mode=query.jwt")), ResponseMode::FragmentJwt);
        assert_eq!(mode(&format!("{GOOD}&response_mode=form_post.jwt")), ResponseMode::FormPostJwt);
        assert_eq!(mode(&GOOD.replace("=code", "=nonsense")), ResponseMode::Query);
    }

    #[test]
    fn oidcc_3_1_2_1_there_is_no_answer_to_an_address_that_is_not_registered() {
        for query in [GOOD.replace("/cb", "/cb/"), GOOD.replace("redirect_uri", "uri")] {
            assert_eq!(refused(&query), ErrorCode::InvalidRequest, "{query}");
        }
    }
}
