//! Routes of the management address: who may see what, and under which headers.

use std::sync::Arc;

use super::language::Language;
use super::query::Query;
use super::{board, console, metrics, page, table, trace};
use crate::control::{self, Asker, Desk};
use crate::https::{
    Handler, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header,
};
use crate::hub::statistics::Day;
use crate::hub::{Hub, Overview};
use crate::relay::Relay;
use crate::trust::operators::{Operator, Role};

/// Nothing but what is here: no script at all, no foreign source, no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The media type of pages.
const HTML: &str = "text/html; charset=utf-8";

/// Whose pages these are.
#[derive(Clone, Debug)]
pub enum Site {
    /// The exchange: the board.
    Hub(Hub),
    /// A security server.
    Box(Arc<Relay>),
}

/// Answers browsers and, as before, `trucgate --box`.
#[derive(Debug)]
pub struct Door {
    control: control::Door,
    desk: Arc<Desk>,
    site: Site,
}

impl Door {
    /// A door in front of that of `control`, which knows the operators.
    #[must_use]
    pub fn new(control: control::Door, desk: Arc<Desk>, site: Site) -> Self {
        Self {
            control,
            desk,
            site,
        }
    }
}

impl Handler for Door {
    async fn handle(&self, request: Request) -> Response {
        let operator = self.control.operator(&request.peer).cloned();
        let response = match operator {
            // A page of somebody else may let an operator's browser send this; it says where it comes from.
            Some(_) if request.headers.contains_key(header::ORIGIN) => {
                Response::text(StatusCode::FORBIDDEN, "no page may ask here")
            }
            Some(operator) if request.path != control::PATH => self.page(&operator, &request).await,
            _ => return self.control.handle(request).await,
        };
        guarded(response)
    }
}

/// What every answer to a browser carries.
fn guarded(response: Response) -> Response {
    let fixed = |name: &'static str, value: &'static str| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    [
        fixed("content-security-policy", POLICY),
        fixed("x-content-type-options", "nosniff"),
        fixed("referrer-policy", "no-referrer"),
        fixed("cross-origin-resource-policy", "same-origin"),
        fixed("cross-origin-opener-policy", "same-origin"),
        fixed("cache-control", "no-store"),
    ]
    .into_iter()
    .fold(response, |response, (name, value)| {
        response.with(name, value)
    })
}

fn html(page: String) -> Response {
    Response::bytes(StatusCode::OK, HTML, page)
}

impl Door {
    async fn page(&self, operator: &Operator, request: &Request) -> Response {
        if request.method != Method::GET {
            return Response::text(StatusCode::METHOD_NOT_ALLOWED, "GET");
        }
        match request.path.as_str() {
            "/style.css" => {
                return Response::bytes(StatusCode::OK, "text/css; charset=utf-8", page::STYLE);
            }
            "/icon.svg" => return Response::bytes(StatusCode::OK, "image/svg+xml", page::ICON),
            _ => {}
        }
        let query = Query::read(request.query.as_deref());
        let language = Language::asked(query.get("lang"));
        if !operator.may(Role::View) {
            let why = language.say(
                "Bạn không có vai trò xem (view) ở máy này.",
                "You lack the role view here.",
            );
            return refused(StatusCode::FORBIDDEN, why);
        }
        let asker = Asker::Operator(operator.clone());
        let hub = matches!(self.site, Site::Hub(_));
        match request.path.as_str() {
            "/trace" => html(trace::page(&self.desk, &asker, &query, language).await),
            "/status" => html(console::page(&self.desk, &asker, &self.site, language).await),
            "/metrics" => {
                let text = metrics::text(&self.desk.report_to(&asker).await);
                Response::bytes(StatusCode::OK, metrics::TYPE, text)
            }
            "/" if !hub => html(console::page(&self.desk, &asker, &self.site, language).await),
            // Who is here for one member sees its documents, not what the others do.
            _ if hub && operator.members.is_some() => {
                let why = language.say(
                    "Bảng số liệu toàn quốc không dành cho người vận hành của một đơn vị; tra cứu văn bản tại /trace.",
                    "The national board is not for an operator of one member; trace documents at /trace.",
                );
                refused(StatusCode::FORBIDDEN, why)
            }
            path => match &self.site {
                Site::Hub(hub) => national(hub, path, &query, language).await,
                Site::Box(_) => refused(StatusCode::NOT_FOUND, nothing(language)),
            },
        }
    }
}

async fn national(hub: &Hub, path: &str, query: &Query, language: Language) -> Response {
    let name = path.strip_prefix('/').unwrap_or(path);
    if !(name.is_empty() || name == table::JSON || table::is_csv(name)) {
        return refused(StatusCode::NOT_FOUND, nothing(language));
    }
    let overview = match window(hub, query, language).await {
        Ok(overview) => overview,
        Err((status, why)) => return refused(status, &why),
    };
    if name.is_empty() {
        return html(board::page(&overview, language, board::Audience::Operators));
    }
    if name == table::JSON {
        return Response::json(StatusCode::OK, &table::json(&overview, false));
    }
    let csv = table::csv(&overview, name, language).unwrap_or_default();
    Response::bytes(StatusCode::OK, "text/csv; charset=utf-8", csv).with_text(
        header::CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{name}\""),
    )
}

/// The figures, or the status and words of what stands against it.
async fn window(
    hub: &Hub,
    query: &Query,
    language: Language,
) -> Result<Overview, (StatusCode, String)> {
    let day = |name: &str| {
        let day = query.get(name).map(str::parse::<Day>).transpose();
        day.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
    };
    let (first, last) = (day("from")?, day("to")?);
    hub.overview(first, last).await.map_err(|error| {
        let why = language.say("Chưa đọc được số liệu", "The figures can't be read");
        (StatusCode::SERVICE_UNAVAILABLE, format!("{why}: {error}"))
    })
}

fn nothing(language: Language) -> &'static str {
    language.say("Không có trang này.", "There is no such page.")
}

fn refused(status: StatusCode, why: &str) -> Response {
    Response::text(status, why.to_owned())
}
