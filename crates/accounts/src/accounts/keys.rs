//! Virtual keys and teams made, changed, and given up; each change is in the file before it holds.

use std::fmt::Write as _;

use openclaw_types::{Env, Timestamp};

use super::{Accounts, KEYS};
use crate::{
    allowance::Allowance,
    book::Book,
    caller::{Caller, KeyId, Scope, TeamId},
    error::Error,
    key::{
        self, KEY_BYTES_MAX, KEY_BYTES_MIN, KEY_PREFIX, KEYS_MAX, KeyFilter, KeyRecord, KeyState,
        NewKey, RECORD_BYTES_MAX, Ring, TeamRecord, Which,
    },
    ledger::lock,
    secret::{Digest, Secret},
};

/// Random bytes in a key, so that it can't be guessed and its digest needs no salt.
const RANDOM_BYTES: usize = 24;

impl Accounts {
    /// Makes a key. It is returned here and never again.
    ///
    /// # Errors
    /// When the caller may not, the key or its alias is taken, or the file can't be written.
    pub fn generate(&self, by: &Caller, new: NewKey) -> Result<(KeyRecord, Secret), Error> {
        let env = &*self.inner.env;
        let secret = match new.key {
            Some(key) => strong(key)?,
            None => random_key(env),
        };
        let now = env.now();
        let id = KeyId::new(&env.fresh_id());
        self.change(by, |ring, defaults| {
            if ring.len() >= KEYS_MAX {
                return Err(Error::TooManyKeys { max: KEYS_MAX });
            }
            let digest = Digest::of(secret.expose());
            if ring.by_digest(&digest).is_some() {
                return Err(Error::KeyTaken);
            }
            let record = KeyRecord {
                id,
                digest,
                name: shown(&secret),
                alias: new.alias,
                team: new.team,
                user: new.user,
                agent: new.agent,
                allowance: new.allowance.or(defaults),
                metadata: new.metadata,
                expires: new.expires,
                is_blocked: new.is_blocked,
                created: now,
                updated: now,
                budget_anchor: now,
                extra: serde_json::Map::new(),
            };
            let scope = put(ring, record.clone())?;
            Ok(((record, secret.clone()), scope))
        })
    }

    /// Changes a key's record; its id and digest and the time of its making stay.
    ///
    /// # Errors
    /// When the caller may not, there is no such key, its new alias is taken, or the file can't be written.
    pub fn update(
        &self,
        by: &Caller,
        which: &Which<'_>,
        change: impl FnOnce(&mut KeyRecord),
    ) -> Result<KeyRecord, Error> {
        let now = self.inner.env.now();
        self.change(by, |ring, _| {
            let old = ring.find(which).cloned().ok_or(Error::NoSuchKey)?;
            let mut record = old.clone();
            change(&mut record);
            let is_anew = record.allowance.budget_duration != old.allowance.budget_duration;
            let record = KeyRecord {
                id: old.id,
                digest: old.digest,
                name: old.name,
                created: old.created,
                budget_anchor: if is_anew { now } else { old.budget_anchor },
                updated: now,
                ..record
            };
            let scope = put(ring, record.clone())?;
            Ok((record, scope))
        })
    }

    /// Stops a key, or lets it work again.
    ///
    /// # Errors
    /// As [`Accounts::update`].
    pub fn block(
        &self,
        by: &Caller,
        which: &Which<'_>,
        is_blocked: bool,
    ) -> Result<KeyRecord, Error> {
        self.update(by, which, |record| record.is_blocked = is_blocked)
    }

    /// Puts a new key in the place of one that may be known to others; record and spending stay.
    ///
    /// # Errors
    /// When the caller may not, there is no such key, or the file can't be written.
    pub fn regenerate(&self, by: &Caller, which: &Which<'_>) -> Result<(KeyRecord, Secret), Error> {
        let secret = random_key(&*self.inner.env);
        let now = self.inner.env.now();
        self.change(by, |ring, _| {
            let old = ring.find(which).cloned().ok_or(Error::NoSuchKey)?;
            let record = KeyRecord {
                digest: Digest::of(secret.expose()),
                name: shown(&secret),
                updated: now,
                ..old
            };
            let scope = put(ring, record.clone())?;
            Ok(((record, secret.clone()), scope))
        })
    }

    /// Gives a key up. What was spent on it stays in the ledger.
    ///
    /// # Errors
    /// When the caller may not, there is no such key, or the file can't be written.
    pub fn delete(&self, by: &Caller, which: &Which<'_>) -> Result<KeyRecord, Error> {
        self.change(by, |ring, _| {
            let id = ring.find(which).map(|record| record.id.clone());
            let id = id.ok_or(Error::NoSuchKey)?;
            let record = ring.remove(&id).ok_or(Error::NoSuchKey)?;
            Ok((record, Scope::Key(id)))
        })
    }

    /// A key and what was spent on it. Whether the asker may know is for the one who asks to decide.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn info(&self, which: &Which<'_>) -> Result<KeyState, Error> {
        info(&mut self.inner.book(), which, self.inner.env.now())
    }

    /// The keys, by the time of their making.
    #[must_use]
    pub fn list(&self, filter: &KeyFilter) -> Vec<KeyState> {
        list(&mut self.inner.book(), filter, self.inner.env.now())
    }

    /// Makes a team, or changes it.
    ///
    /// # Errors
    /// When the caller may not, or the file can't be written.
    pub fn put_team(&self, by: &Caller, team: TeamRecord) -> Result<(), Error> {
        self.change(by, |ring, _| {
            let scope = Scope::Team(team.id.clone());
            ring.put_team(team);
            Ok(((), scope))
        })
    }

    /// Gives a team up; its keys go on without it.
    ///
    /// # Errors
    /// When the caller may not, there is no such team, or the file can't be written.
    pub fn delete_team(&self, by: &Caller, team: &TeamId) -> Result<TeamRecord, Error> {
        self.change(by, |ring, _| {
            let record = ring.remove_team(team).ok_or_else(|| Error::NoSuchTeam {
                team: team.as_str().to_owned(),
            })?;
            Ok((record, Scope::Team(team.clone())))
        })
    }

    /// The teams of the file.
    #[must_use]
    pub fn teams(&self) -> Vec<TeamRecord> {
        self.inner.book().ring.teams().cloned().collect()
    }

    /// Changes a copy, writes it to the file, and only then puts it in force; the change says whose it is.
    fn change<T>(
        &self,
        by: &Caller,
        change: impl FnOnce(&mut Ring, &Allowance) -> Result<(T, Scope), Error>,
    ) -> Result<T, Error> {
        if !by.is_owner() {
            return Err(Error::NotAllowed);
        }
        let inner = &self.inner;
        let one_at_a_time = lock(&inner.keys_file);
        let path = inner.dir.join(KEYS);
        if let Some(failure) = &inner.keys_failure {
            // Whoever mends it by hand would lose what is in it.
            return Err(Error::KeysDamaged {
                path,
                what: failure.to_string(),
            });
        }
        let (mut ring, defaults) = {
            let book = inner.book();
            (book.ring.clone(), book.allowances.key_defaults.clone())
        };
        let (changed, scope) = change(&mut ring, &defaults)?;
        key::save(&path, &ring.to_save())?;
        let now = inner.env.now();
        let mut book = inner.book();
        let before = std::mem::replace(&mut book.ring, ring);
        book.lay_out(&scope, now);
        // Requests don't wait until what was before is cleared away.
        drop(book);
        drop(before);
        drop(one_at_a_time);
        Ok(changed)
    }
}

fn put(ring: &mut Ring, record: KeyRecord) -> Result<Scope, Error> {
    let scope = Scope::Key(record.id.clone());
    let bytes = key::record_bytes(&record);
    if bytes > RECORD_BYTES_MAX {
        return Err(Error::TooLarge {
            bytes,
            max: RECORD_BYTES_MAX,
        });
    }
    if let Some(alias) = &record.alias
        && ring
            .by_alias(alias)
            .is_some_and(|other| other.id != record.id)
    {
        return Err(Error::AliasTaken {
            alias: alias.clone(),
        });
    }
    ring.put(record);
    Ok(scope)
}

/// A key as a book has it.
pub(crate) fn info(book: &mut Book, which: &Which<'_>, now: Timestamp) -> Result<KeyState, Error> {
    let record = book.ring.find(which).cloned().ok_or(Error::NoSuchKey)?;
    Ok(state(book, record, now))
}

/// The keys that a book has, by the time of their making.
pub(crate) fn list(book: &mut Book, filter: &KeyFilter, now: Timestamp) -> Vec<KeyState> {
    let meant = book.ring.keys().filter(|record| filter.accepts(record));
    let mut records: Vec<KeyRecord> = meant.cloned().collect();
    records.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
    let records = records.into_iter();
    records.map(|record| state(book, record, now)).collect()
}

fn state(book: &mut Book, record: KeyRecord, now: Timestamp) -> KeyState {
    let budget = book.key_budget(&record.id, now);
    KeyState {
        spend: budget
            .as_ref()
            .map(|budget| budget.spent)
            .unwrap_or_default(),
        reserved: budget
            .as_ref()
            .map(|budget| budget.reserved)
            .unwrap_or_default(),
        budget_resets_at: budget.and_then(|budget| budget.resets_at),
        record,
    }
}

fn random_key(env: &dyn Env) -> Secret {
    let random = [env.random(), env.random()];
    let mut text = String::from(KEY_PREFIX);
    for byte in random.iter().flatten().take(RANDOM_BYTES) {
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    Secret::new(&text)
}

fn strong(key: Secret) -> Result<Secret, Error> {
    let text = key.expose();
    let is_strong = text.starts_with(KEY_PREFIX)
        && (KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_strong {
        Ok(key)
    } else {
        Err(Error::WeakKey {
            bytes_min: KEY_BYTES_MIN,
            bytes_max: KEY_BYTES_MAX,
        })
    }
}

/// Enough of a key to know it again.
fn shown(secret: &Secret) -> String {
    let text = secret.expose();
    let end = text.len().saturating_sub(4);
    format!("{KEY_PREFIX}...{}", text.get(end..).unwrap_or_default())
}
