//! The one door to Postgres without a tenant: what the service itself asks, before a tenant is known or admitted.
//!
//! A question is text that was compiled in (`sql/service/`), a call of a function that answers about its arguments and nothing
//! else; nothing that a client wrote is ever part of it. It runs as the request role, in a transaction of its own, which
//! Postgres commits also where the answer is one that the client will take for an error.

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::transaction::{Deadline, Held, stale};
use super::{Error, Pool};

impl Pool {
    /// Asks `question`; each of its parameters is cast from text. The deadline is that of a request.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn ask(&self, question: &'static str, params: &[Option<&str>]) -> Result<Vec<Row>, Error> {
        let deadline = Deadline::of(self);
        let lease = self.checkout().await?;
        let mut held = Held::new(lease, self, false);
        let asked = async {
            match self.ask_once(&held, question, params).await {
                // Nothing ran: the functions were replaced since the question was prepared, or a pooler dropped it.
                Err(error) if stale(&error) => {
                    held.connection().forget(question);
                    self.ask_once(&held, question, params).await
                }
                answer => answer,
            }
        };
        let answer = deadline.bounds(true, asked).await?;
        held.settled();
        answer
    }

    async fn ask_once(
        &self,
        held: &Held,
        question: &'static str,
        params: &[Option<&str>],
    ) -> Result<Vec<Row>, Error> {
        let connection = held.connection();
        let failed = |error| Error::from_postgres(error, true);
        if self.prepared_statements {
            let prepared = connection.prepared(question).await.map_err(failed)?;
            let params: Vec<&(dyn ToSql + Sync)> =
                params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
            connection.client.query(&prepared, &params).await.map_err(failed)
        } else {
            let params: Vec<(&(dyn ToSql + Sync), Type)> =
                params.iter().map(|param| (param as &(dyn ToSql + Sync), Type::TEXT)).collect();
            connection.client.query_typed(question, &params).await.map_err(failed)
        }
    }
}
