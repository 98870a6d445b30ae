mod directories;

use super::policy::{Parties, members_of, permit};
use crate::clock::{Clock, Moment};
use crate::packet::{Envelope, Kind, MemberId, Priority};
use crate::trust::directory::{Content, Directory, Member, State};
use crate::vxp::{ErrorCode, MessageType, SendParams, System};

const OURS: &str = "000.00.00.G22";
const OURS_OLD: &str = "000.00.00.G99";
const THEIRS: &str = "000.00.00.H41";
const CLOSED: &str = "000.00.00.H14";

fn member(code: &str) -> MemberId {
    code.parse().unwrap()
}

fn listed(id: u64, code: &str, state: State) -> Member {
    Member {
        old_code: (code == OURS).then(|| member(OURS_OLD)),
        level: 1,
        state,
        successor: (code == CLOSED).then(|| member(THEIRS)),
        ..Member::new(member(code), id, format!("Cơ quan {code}"))
    }
}

fn directory() -> Directory {
    let now: Moment = Clock::system().now();
    Directory::new(Content {
        version: 1,
        issued: now,
        valid_until: now,
        hub: None,
        members: vec![
            listed(1, OURS, State::Active),
            listed(2, THEIRS, State::Active),
            listed(3, CLOSED, State::Closed),
        ],
        boxes: Vec::new(),
    })
    .unwrap()
}

fn system() -> System {
    System {
        id: "QLVB".to_owned(),
        member: member(OURS),
        units: Vec::new(),
    }
}

fn params() -> SendParams {
    SendParams {
        from: None,
        to: None,
        message_type: MessageType::Edoc,
        body_len: None,
    }
}

fn envelope(from: &str, to: &[&str]) -> Envelope {
    Envelope {
        kind: Kind::New,
        from: member(from),
        to: to.iter().map(|code| member(code)).collect(),
        document: None,
        number: None,
        notation: None,
        promulgated: None,
        type_name: None,
        subject: None,
        priority: Priority::Normal,
        refs: Vec::new(),
        status: None,
        reason: None,
        attachments: Vec::new(),
        notes: Vec::new(),
    }
}

#[expect(
    clippy::panic_in_result_fn,
    reason = "a refusal without words fails the test"
)]
fn ask(params: &SendParams, envelope: &Envelope) -> Result<Parties, ErrorCode> {
    let ours = |code: &MemberId| *code == member(OURS);
    permit(&directory(), ours, &system(), params, envelope).map_err(|refusal| {
        assert!(refusal.reason_vi.contains(' '), "{refusal:?}");
        refusal.code
    })
}

#[test]
fn codes_are_written_as_the_directory_writes_them_and_each_recipient_once() {
    let parties = ask(&params(), &envelope(OURS_OLD, &[THEIRS, THEIRS])).unwrap();
    assert_eq!(parties.from, member(OURS));
    assert_eq!(parties.to, [member(THEIRS)]);
    assert_eq!(members_of(&directory(), &system()), [member(OURS)]);
}

#[test]
fn a_software_speaks_for_its_own_member_only_and_reaches_who_is_open() {
    let refused = [
        (envelope(THEIRS, &[OURS]), ErrorCode::SenderNotRegistered),
        (envelope("A01", &[THEIRS]), ErrorCode::SenderNotRegistered),
        (envelope(OURS, &["A01"]), ErrorCode::ReceiverUnknown),
        (envelope(OURS, &[THEIRS, CLOSED]), ErrorCode::ReceiverLocked),
    ];
    for (envelope, code) in refused {
        assert_eq!(ask(&params(), &envelope), Err(code), "{envelope:?}");
    }
    let disguised = SendParams {
        from: Some(member(THEIRS)),
        ..params()
    };
    let honest = envelope(OURS, &[THEIRS]);
    assert_eq!(
        ask(&disguised, &honest),
        Err(ErrorCode::SenderNotRegistered)
    );
    let status = SendParams {
        message_type: MessageType::Status,
        ..params()
    };
    assert_eq!(ask(&status, &honest), Err(ErrorCode::FileInvalid));
}

#[test]
fn the_softwares_own_list_of_recipients_wins_and_is_bounded() {
    let named = SendParams {
        to: Some(vec![member(THEIRS)]),
        ..params()
    };
    let parties = ask(&named, &envelope(OURS, &[CLOSED])).unwrap();
    assert_eq!(parties.to, [member(THEIRS)]);
    let many = SendParams {
        to: Some(vec![member(THEIRS); 1_001]),
        ..params()
    };
    let envelope = envelope(OURS, &[THEIRS]);
    assert_eq!(ask(&many, &envelope), Err(ErrorCode::NotProcessed));
}
