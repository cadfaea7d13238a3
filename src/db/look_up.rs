//! Questions that are asked before a tenant is known, of functions that answer the service alone: whose token this is.
//!
//! The texts are the service's own files and call `security definer` functions; what a request could run goes through a
//! tenant transaction.

use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::{Error, Pool};

impl Pool {
    /// Runs `text` with `params` and gives its rows.
    ///
    /// # Errors
    /// [`Error`]; the deadline is that of a request.
    pub(crate) async fn look_up(
        &self,
        text: &'static str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Error> {
        let deadline = Error::Deadline {
            deadline_ms: self.deadline.as_millis().try_into().unwrap_or(u64::MAX),
            outcome_unknown: false,
        };
        let asking = async {
            let lease = self.checkout().await?;
            lease.client.query_typed(text, params).await.map_err(|error| Error::from_postgres(error, false))
        };
        timeout(self.deadline, asking).await.map_err(|_| deadline)?
    }
}
