//! What the system's programs say, for as long and as much as is waited for.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// Most of a program's words.
pub(super) const WORDS: u64 = 1 << 20;
/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a program and gives the first `most` bytes of what it says.
pub(super) fn ask(words: &[&str], most: u64) -> Result<Vec<u8>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let told = |error: std::io::Error| format!("{}: {error}", words[0]);
    runtime.block_on(async {
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .env("LC_ALL", "C.UTF-8")
            .env("SYSTEMD_COLORS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(told)?;
        let (out, error) = (child.stdout.take(), child.stderr.take());
        let said = async {
            let (mut said, mut complained) = (Vec::new(), Vec::new());
            let reading = async {
                match out {
                    // Dropped at the bound: the program then ends by itself.
                    Some(out) => out.take(most).read_to_end(&mut said).await,
                    None => Ok(0),
                }
            };
            let complaining = async {
                match error {
                    Some(error) => error.take(4096).read_to_end(&mut complained).await,
                    None => Ok(0),
                }
            };
            let (read, _) = tokio::join!(reading, complaining);
            read.map_err(told)?;
            let status = child.wait().await.map_err(told)?;
            if status.success() || said.len() as u64 == most {
                Ok(said)
            } else {
                let why = String::from_utf8_lossy(&complained).trim().to_owned();
                Err(format!("{}: {status}: {why}", words[0]))
            }
        };
        tokio::time::timeout(PATIENCE, said).await.map_err(|_| {
            format!(
                "{}: không trả lời / it does not answer within {} s",
                words[0],
                PATIENCE.as_secs()
            )
        })?
    })
}

/// Several programs' words in one text, each behind what was asked.
pub(super) fn texts(programs: &[&[&str]]) -> String {
    let mut text = String::new();
    for words in programs {
        text += &format!("$ {}\n", words.join(" "));
        match ask(words, WORDS) {
            Ok(said) => text += &String::from_utf8_lossy(&said),
            Err(why) => text += &format!("({why})\n"),
        }
        text.push('\n');
    }
    text
}
