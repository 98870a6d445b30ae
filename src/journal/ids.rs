//! The lines that people act on, each known by a 128-bit id that never changes its meaning.
//!
//! The journal catalog explains each of them; the numbers were drawn at random (systemd.journal-fields(7), `MESSAGE_ID=`).

use super::Priority;

/// One kind of line.
#[derive(Debug, PartialEq, Eq)]
pub struct Id {
    /// Name of the kind in the documentation.
    pub name: &'static str,
    /// 32 lower-case hexadecimal digits.
    pub message_id: &'static str,
    /// Priority unless the line says otherwise.
    pub priority: Priority,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $id:literal $priority:ident;)*) => {
        $($(#[$doc])* pub const $name: Id = Id {
            name: stringify!($name),
            message_id: $id,
            priority: Priority::$priority,
        };)*

        /// All kinds of lines.
        pub const ALL: &[Id] = &[$($name),*];
    };
}

ids! {
    /// This process has started.
    STARTED = "5dbb68f7df2d157e554ca54682187381" Notice;
    /// This process answers.
    READY = "debb68b85990fe631b20202b4b33e6b0" Notice;
    /// This process finishes what it holds and ends.
    STOPPING = "aa65b52200190775dedd0dca1eeeca23" Notice;
    /// The configuration has an error; the process does not start.
    CONFIGURATION_REFUSED = "0f5048b30ba35195204fdcb9c82d6df4" Error;
    /// A document of a software is durable and has its DocId.
    PACKET_KEPT = "c8291deecf60f9931b2787aeff26d85d" Info;
    /// A packet's record stands under a signed checkpoint.
    PACKET_SEALED = "bc483ef434fdbd98dedd3c2c7321624a" Info;
    /// The hub has accepted a packet.
    PACKET_ACCEPTED = "ba77d3c5ff0c790b851c9da1345eb88f" Info;
    /// A packet was finally refused after its DocId was given out.
    PACKET_REFUSED = "334905d72791a7006aab34b97594bccc" Error;
    /// The hub does not take a packet until what the reason names is mended; it waits.
    PACKET_HELD = "2bf79f3bd85ec22a83581a680cfb2fcd" Warning;
    /// A packet from the hub is verified and durable in this box.
    PACKET_DELIVERED = "22c0d68fb8d8b23c415811741b0f3466" Info;
    /// A software has confirmed a document.
    DOCUMENT_COLLECTED = "92e48b752f994a6eefe3e8dc3b2ef1a7" Info;
    /// A software has reported that it can't take a document.
    DOCUMENT_FAILED = "ef0f4230a8c62f413734379301488e50" Warning;
    /// A receipt was verified and joined the evidence.
    RECEIPT_VERIFIED = "958dfa70372a94d1eeeeff8e0fbeb431" Info;
    /// A receipt does not prove what it says.
    RECEIPT_REFUSED = "f4d0acd4dbd39547ab02fd9a89553065" Error;
    /// A document came again and got the DocId it had.
    DUPLICATE_SUBMISSION = "783434b53f3819aec7548dd251b6dd06" Info;
    /// A known packet id came with another digest.
    PACKET_ID_REUSED = "1b59722396b087a42b8b35ec0b04ad89" Error;
    /// A TLS peer was refused.
    PEER_REFUSED = "661bc70de1a350b5df4af66e3ef64133" Warning;
    /// A software's credentials or rights were refused.
    SOFTWARE_REFUSED = "d2306390bb655f709cf6a47d95f681db" Warning;
    /// The signer has signed.
    SIGNER_SIGNATURE = "92d084d74814437aabeafbd1bc4fda43" Info;
    /// The signer has refused a request by its policy.
    SIGNER_REFUSED = "3b4221d17c00a65493dcdfb0d790084e" Error;
    /// The signer does not answer.
    SIGNER_AWAY = "81d05e61f023ea6ac5722518a355ba3a" Warning;
    /// The signer answers again.
    SIGNER_BACK = "77d73d437c64b55de06008fdf871ff4e" Notice;
    /// The token does not answer.
    TOKEN_AWAY = "2ff76f62c2012dbc7710a9f41d595fc2" Error;
    /// The token answers again.
    TOKEN_BACK = "553f7684a405478f1a5341bb0827dd7a" Notice;
    /// The first token leaves requests unserved, and the second serves in its place.
    STANDBY_SERVES = "3fb36498de7f3fac529da0f1f9a93416" Warning;
    /// The token refused the PIN; it is not tried again.
    PIN_WRONG = "f0ca026325fec43f453d5c7e9f0d39b6" Error;
    /// The hub does not answer.
    HUB_AWAY = "fa7f316126641a24fb890857f378c82d" Warning;
    /// The hub answers again.
    HUB_BACK = "1a91b388675819a2c56d93bbe348636d" Notice;
    /// A newer directory of members is in force.
    DIRECTORY_UPDATED = "2bdf6fec0d09c72a58d5db1c5cb3577b" Notice;
    /// A directory of members was refused; the last good one stays.
    DIRECTORY_REFUSED = "c7704d4330cc45377d5b73bbb725fdcf" Error;
    /// A certificate was replaced while running.
    CERTIFICATE_RELOADED = "5bc0a9b598095b60c44a865162cb5a14" Notice;
    /// A revocation list is past its next update.
    CRL_STALE = "0aace2c0d8c5fdd255165c75c086db90" Warning;
    /// A source of revocation lists, OCSP answers or time stamps does not answer, or answers what is no good.
    REVOCATION_SOURCE_AWAY = "d6f3824c4e6ea1b0562af6a82475f4af" Warning;
    /// Such a source answers again.
    REVOCATION_SOURCE_BACK = "65c0e31f0b0b165a0ca32eecb632035d" Notice;
    /// Revocation material is older than the declared window: the declared mode is in force.
    REVOCATION_WINDOW_OVER = "f51db740ee37ec90efb970a39087c562" Error;
    /// A checkpoint forks or rolls back a log that was seen before.
    CHECKPOINT_REFUSED = "ed7dbb5398f94efbfd782138e7803b0a" Error;
    /// No new documents are taken: disk or quota is at its limit.
    INTAKE_STOPPED = "af7403874da481f713a8ce9a674847ca" Error;
    /// New documents are taken again.
    INTAKE_RESUMED = "033a67a43a7fabac23880ff958f026bd" Notice;
    /// The disk has failed a change.
    DISK_FAULT = "c132b0089f45c07a400bd84daa428829" Error;
    /// Journal lines were dropped because the journal stood still.
    LINES_DROPPED = "74ccd21c16a61a0e52c82ec85205d20f" Warning;
    /// A box asks to be registered.
    ENROLMENT_PENDING = "9edca15ee43f52b873067ddd543a2bcc" Notice;
    /// An enrolment was refused.
    ENROLMENT_REFUSED = "e0b3804188f7d05ccbde751ec6994bc2" Warning;
    /// One software sends more than its quota.
    SYSTEM_FLOOD = "757236a71d567f756c587cbdd87424b3" Warning;
    /// An operator asked for what it may not, or is none.
    OPERATOR_REFUSED = "9d29e3f34c8a2233c0e029e197cc0140" Warning;
    /// Something ends soon: a certificate, a list, the directory.
    ENDS_SOON = "0088845e4408a259cb493b31f77c1f22" Warning;
    /// A gauge got worse or better.
    GAUGE_CHANGED = "768b4634b81d283326402c383c655de0" Notice;
    /// Nobody says that the clock is synchronised, or it is off the hub's.
    CLOCK_DOUBTFUL = "1f0c2b7d9a4e4c53b8d60e7f35a9c214" Warning;
    /// The clock is off by more than declared: no certificate is judged by it.
    CLOCK_BEYOND_SKEW = "6a83d51e0b7f49c2a1d4f8e92c3b7065" Error;
    /// The clock can be relied on again.
    CLOCK_BACK = "c95e7a20d8314fb6903b1c6ef24d8a7b" Notice;
    /// Two operators agree upon what can't be undone: proposed, agreed, carried out.
    TWO_PERSONS = "55510886f46a280dad92405e451271d6" Warning;
    /// What needs two operators was not done.
    TWO_PERSONS_REFUSED = "76d0b88f987481bbb568c3a7986deb76" Error;
    /// A renewed key was rehearsed.
    REHEARSED = "0a2314e0411e1b862a2aa8986bb951de" Notice;
    /// A renewed key and its certificate are in force.
    RENEWED = "2cc09162d37359bcbf5eab569a929457" Notice;
    /// A renewed key failed in its first minutes; the old one is in force again.
    RENEWAL_TAKEN_BACK = "8aa1942e3608068c7fb6aa916923b357" Error;
    /// A person at the console has ordered something.
    CONSOLE_ORDER = "b119435a2ab0b3bef53a634801f1ccf0" Warning;
    /// A maintenance session has begun at the console.
    MAINTENANCE_OPENED = "2c79b8ddf2e22b3fd3f6a6342ed3f717" Warning;
    /// A line of a maintenance session, as it stood on the terminal.
    MAINTENANCE_LINE = "04deeb78ddd01e442b38f2d0a84f5a82" Notice;
    /// A maintenance session is over.
    MAINTENANCE_CLOSED = "637ee07f85615c193ec07d63a99f3469" Warning;
    /// A maintenance session was asked for and not opened.
    MAINTENANCE_REFUSED = "a92eeeaf1ef68beb88dfebb694f4a6f2" Error;
    /// A bundle of an update was refused; nothing has changed.
    UPDATE_REFUSED = "20c342dcb6cffa6f920b6cab2f1bc1a8" Error;
    /// An update was not written, or not to its end; what runs is as it was.
    UPDATE_NOT_WRITTEN = "75cd2b322c0786748560ba3dc7ef2f2b" Error;
    /// The idle slot holds a new version, which the next start tries.
    UPDATE_WRITTEN = "4b90e6dbc8cd0115f5d7ac3785e5ffbd" Notice;
    /// A version on trial has failed its self-test, and the machine starts again.
    UPDATE_TRIAL_FAILED = "df68e35a374fa0dae16c6bdc4eef0c84" Error;
    /// A version on trial was given up; the one before runs again.
    UPDATE_FELL_BACK = "5763979885e3494261edfc45614c2bcd" Error;
    /// A version on trial has passed its self-test and is in force.
    UPDATE_IN_FORCE = "e886397b7069e8f68968c6240c2bc794" Notice;
    /// A backup was made.
    BACKUP_MADE = "79529cbc540a1e5639d7fd0a76a0453b" Notice;
    /// No backup was made.
    BACKUP_FAILED = "109fa94966c8fc5e91cc750d34080b86" Error;
    /// A support bundle was made.
    SUPPORT_MADE = "f4b6f43f4f104963845e3edd89ac741c" Notice;
    /// No support bundle was made.
    SUPPORT_FAILED = "6ab720f6f57f47e6bea9c537147b5b61" Error;
    /// The last backup was restored on trial, and all of it holds.
    BACKUP_REHEARSED = "9e71279b74f68146740f8b631d5147f0" Notice;
    /// The last backup could not be restored on trial.
    BACKUP_REHEARSAL_FAILED = "764d64ef76646cbfca2bb1c040c539e6" Error;
    /// The newest backup lies on a medium, too.
    BACKUP_CARRIED = "6c20562aaab54bea8af8c2e4d7f5d261" Notice;
    /// The newest backup did not come onto the medium.
    BACKUP_NOT_CARRIED = "e76639fcca234154881e3f60d7270757" Error;
    /// A backup was put in place; the box starts behind a fence.
    BOX_RESTORED = "2610bfcc0bb0731bbd68b75124172b95" Warning;
    /// The box waits behind its fence after a restore.
    BOX_FENCED = "7f42908f13af07353a737f7103d32e85" Warning;
    /// A restored box has come to terms with the hub and works.
    FENCE_LIFTED = "703256b8c4e9fd0eb197b61b6c60b653" Notice;
}
