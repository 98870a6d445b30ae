//! Parameters of the calls, read from the signed headers alone.

use serde_json::{Map, Value};
use time::UtcOffset;

use super::super::desk::{MessageType, NewAgency, Transport, Window};
use super::super::headers::Signed;
use super::super::refusal::{ErrorCode, Refusal};
use super::super::stamp::{self, End};
use crate::packet::{DocId, MemberId};

/// The docId of a call, by the spelling that this call is usually written with first.
pub(super) fn doc_id(signed: &Signed, spellings: &[&str]) -> Result<DocId, Refusal> {
    let text = signed.first_of(spellings).ok_or_else(|| {
        refuse("Thiếu docId; truyền docId lấy từ danh sách văn bản nhận (getReceivedEdocList).")
    })?;
    // What is no id of ours gets the answer of an id that is not there.
    text.to_ascii_lowercase()
        .parse()
        .map_err(|_| Refusal::no_such_document())
}

/// `messagetype`, and `servicetype` beside it; documents where the software says nothing.
pub(super) fn message_type(signed: &Signed) -> Result<MessageType, Refusal> {
    if let Some(service) = signed.get("servicetype")
        && !service.eq_ignore_ascii_case("eDoc")
    {
        return Err(refuse(format!(
            "servicetype \"{service}\" không được hỗ trợ; dùng eDoc."
        )));
    }
    match signed.get("messagetype") {
        None => Ok(MessageType::Edoc),
        Some(text) if text.eq_ignore_ascii_case("edoc") => Ok(MessageType::Edoc),
        Some(text) if text.eq_ignore_ascii_case("status") => Ok(MessageType::Status),
        Some(text) => Err(refuse(format!(
            "messagetype \"{text}\" không được hỗ trợ; dùng edoc (văn bản) hoặc status (trạng thái)."
        ))),
    }
}

/// `fromDate` and `toDate`.
pub(super) fn window(signed: &Signed, zone: UtcOffset) -> Result<Window, Refusal> {
    let bound = |name: &str, end: End| match signed.get(name) {
        None => Ok(None),
        Some(text) => stamp::bound(text, end, zone).map(Some).ok_or_else(|| {
            refuse(format!(
                "{name} \"{text}\" không phải ngày hợp lệ; viết dạng yyyy-MM-dd hoặc dd/MM/yyyy."
            ))
        }),
    };
    Ok(Window {
        from: bound("fromDate", End::First)?,
        to: bound("toDate", End::Last)?,
    })
}

/// `from` of `sendEdoc`.
pub(super) fn sender(signed: &Signed) -> Result<Option<MemberId>, Refusal> {
    let Some(text) = signed.get("from") else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        Refusal::new(
            ErrorCode::SenderNotRegistered,
            format!("Mã định danh đơn vị gửi \"{text}\" không hợp lệ; kiểm tra trường from."),
        )
    })
}

/// `to` of `sendEdoc`: a JSON array of codes, or one code. Each recipient once, in order.
pub(super) fn recipients(signed: &Signed) -> Result<Option<Vec<MemberId>>, Refusal> {
    let Some(text) = signed.get("to") else {
        return Ok(None);
    };
    let unknown = |reason: String| Refusal::new(ErrorCode::ReceiverUnknown, reason);
    let codes: Vec<String> = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|_| {
            unknown("Trường to không đúng dạng; viết mảng JSON các mã định danh, ví dụ [\"000.00.00.H41\"].".to_owned())
        })?
    } else {
        vec![text.to_owned()]
    };
    let mut members: Vec<MemberId> = Vec::with_capacity(codes.len());
    let mut seen = std::collections::HashSet::with_capacity(codes.len());
    for code in codes {
        let member: MemberId = code.trim().parse().map_err(|_| {
            unknown(format!(
                "Mã định danh nơi nhận \"{code}\" không hợp lệ; kiểm tra trường to."
            ))
        })?;
        if seen.insert(member.clone()) {
            members.push(member);
        }
    }
    Ok(Some(members).filter(|members| !members.is_empty()))
}

/// `status` of `updateStatus`.
pub(super) fn transport(signed: &Signed) -> Result<Transport, Refusal> {
    let text = signed.get("status").unwrap_or("");
    [Transport::Processing, Transport::Done, Transport::Fail]
        .into_iter()
        .find(|status| status.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| {
            refuse(format!(
                "Trạng thái \"{text}\" không hợp lệ; dùng processing, done hoặc fail."
            ))
        })
}

/// `level` of `getAgenciesListQD20`.
pub(super) fn level(signed: &Signed) -> Result<Option<u8>, Refusal> {
    let Some(text) = signed.get("level") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(level @ 1..=4) => Ok(Some(level)),
        _ => Err(refuse(format!(
            "level \"{text}\" không hợp lệ; dùng số từ 1 đến 4."
        ))),
    }
}

/// `AgencyCode` of `deleteAgency`.
pub(super) fn agency_code(signed: &Signed) -> Result<MemberId, Refusal> {
    let text = signed
        .get("AgencyCode")
        .ok_or_else(|| refuse("Thiếu AgencyCode, mã định danh của đơn vị cần xóa."))?;
    code(text, "AgencyCode")
}

/// `version` in the body of `getSynchronizeUnit`; an empty body asks for all units.
pub(super) fn since(body: &[u8]) -> Result<Option<u64>, Refusal> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    number(&object(body)?, "version")
}

/// The body of `registerAgency`.
pub(super) fn new_agency(body: &[u8]) -> Result<NewAgency, Refusal> {
    let object = object(body)?;
    let needed = |name: &str| {
        text(&object, name)
            .ok_or_else(|| refuse(format!("Thiếu trường {name} của đơn vị đăng ký.")))
    };
    let agency = NewAgency {
        id: number(&object, "id")?,
        pid: number(&object, "pid")?,
        pcode: text(&object, "pcode")
            .map(|above| code(&above, "pcode"))
            .transpose()?,
        code: code(&needed("code")?, "code")?,
        name: needed("name")?,
        mail: needed("mail")?,
        mobile: text(&object, "mobile"),
        fax: text(&object, "fax"),
    };
    if agency.pid.is_none() && agency.pcode.is_none() {
        return Err(refuse("Thiếu đơn vị cấp trên; truyền pid hoặc pcode."));
    }
    Ok(agency)
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(body)
        .map_err(|_| refuse("Phần thân của yêu cầu không phải là một đối tượng JSON hợp lệ."))
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number, which some software writes as a string.
fn number(object: &Map<String, Value>, name: &str) -> Result<Option<u64>, Refusal> {
    match text(object, name) {
        None => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| refuse(format!("Trường {name} \"{text}\" không phải số nguyên."))),
    }
}

fn code(text: &str, name: &str) -> Result<MemberId, Refusal> {
    text.parse().map_err(|_| {
        refuse(format!(
            "Trường {name} \"{text}\" không phải mã định danh hợp lệ."
        ))
    })
}

fn refuse(reason: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::NotProcessed, reason)
}
