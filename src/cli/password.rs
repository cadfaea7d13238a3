//! `rowhouse password`: names and passwords of users, for development (`password_grant`).
//!
//! Done as `rowhouse_admin`, through the policies that name it. The password is read from the standard input, so that it is
//! in no list of processes and in no history.

use std::io::{IsTerminal, Read};

use clap::Subcommand;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::administrator;
use crate::app::cause;
use crate::config::Config;
use crate::sessions::{self, PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Sets the password of a name, which is read from the standard input. It ends all sessions of the user.
    Set {
        /// What the user signs in with.
        username: String,
        /// The user, by the id that /members shows; left out where the name is there already.
        #[arg(long)]
        user: Option<Uuid>,
    },
    /// Removes a name with its password. It ends all sessions of the user.
    Remove { username: String },
}

const SET: &str = include_str!("../../sql/catalog/password_set.sql");
const CHANGE: &str = include_str!("../../sql/catalog/password_change.sql");
const REMOVE: &str = include_str!("../../sql/catalog/password_remove.sql");

/// Runs one command.
///
/// # Errors
/// One line for the operator; never a password or a hash.
pub(super) async fn run(config: &Config, command: Command) -> Result<(), String> {
    match command {
        Command::Set { username, user } => {
            let hash = sessions::hash_new(&password()?).ok_or("the password could not be hashed")?;
            let client = administrator(config).await?;
            let (set, none) = match &user {
                Some(user) => {
                    (client.execute(SET, &[&username, user, &hash]).await, "the name is another user's")
                }
                None => (
                    client.execute(CHANGE, &[&username, &hash]).await,
                    "nobody has the name: say whose it is, with --user",
                ),
            };
            match set {
                Ok(0) => Err(none.to_owned()),
                Ok(_) => done("set; the user's sessions are ended"),
                Err(error) => match error.code() {
                    Some(&SqlState::FOREIGN_KEY_VIOLATION) => Err("there is no such user".to_owned()),
                    Some(&SqlState::CHECK_VIOLATION) => {
                        Err("the name must have 1 to 255 characters, and no control character".to_owned())
                    }
                    Some(_) | None => Err(cause(&error)),
                },
            }
        }
        Command::Remove { username } => {
            let client = administrator(config).await?;
            match client.execute(REMOVE, &[&username]).await.map_err(|error| cause(&error))? {
                0 => Err("nobody has the name".to_owned()),
                _ => done("removed; the user's sessions are ended"),
            }
        }
    }
}

fn done(what: &str) -> Result<(), String> {
    println!("{what}");
    Ok(())
}

/// One line of the standard input.
fn password() -> Result<String, String> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        // It would be shown while it is typed.
        return Err("the password is read from the standard input: rowhouse password set … < file".to_owned());
    }
    let mut text = String::new();
    let bytes_max = PASSWORD_BYTES_MAX + 2;
    let read = input.by_ref().take(bytes_max as u64 + 1).read_to_string(&mut text);
    read.map_err(|_| "the password is not UTF-8".to_owned())?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(format!("the password is longer than {PASSWORD_BYTES_MAX} bytes"));
    }
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        return Err(format!("the password is shorter than {PASSWORD_CHARACTERS_MIN} characters"));
    }
    if password.contains(char::is_control) {
        return Err("the password is more than one line, or has a control character".to_owned());
    }
    Ok(password.to_owned())
}
