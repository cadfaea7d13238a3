//! The demo's systems, row by row as their users would try them.

use serde_json::json;

use crate::support::{DUNDER, Database, PAWNEE, Server, Token};

#[tokio::test]
async fn each_tenant_lists_only_its_own_items_with_three_keys() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    for (token, tenant, first) in
        [(Token::leslie(), PAWNEE, "art-fair"), (Token::michael(), DUNDER, "a4 paper")]
    {
        // The trailing slash is tolerated.
        let answer = server.get("/items/?order=title", &token).send().await.is(200);
        let rows = answer.rows();
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row["tenant_id"] == tenant.to_string()));
        assert!(rows.iter().all(|row| row.as_object().unwrap().len() == 3));
        assert_eq!(rows[0]["title"], json!(first));
    }
}
