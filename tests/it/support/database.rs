//! A database for each test, copied from a template.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use rowhouse::config::Config;
use rowhouse::db::DatabaseUrl;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// The password of `rowhouse_app` in the test cluster, which listens on the loopback only and lives for one run.
const APP_PASSWORD: &str = "app";

/// The cluster that `make test` started.
#[derive(Debug, Clone)]
pub struct TestCluster {
    /// Of its superuser, for the database `postgres`.
    url: String,
}

impl TestCluster {
    pub fn from_environment() -> Self {
        let url = std::env::var("ROWHOUSE_TEST_URL")
            .expect("ROWHOUSE_TEST_URL is not set: run `make test`, which starts a cluster and sets it");
        Self { url }
    }

    /// The superuser's URL of a database.
    pub fn url(&self, database: &str) -> String {
        let (base, _) = self.url.rsplit_once('/').expect("the URL ends with a database");
        format!("{base}/{database}")
    }

    /// The URL of a database for another role.
    pub fn url_as(&self, role: &str, password: &str, database: &str) -> String {
        let (_, host) = self.url.rsplit_once('@').expect("the URL has a user");
        let (host, _) = host.split_once('/').expect("the URL has a database");
        format!("postgres://{role}:{password}@{host}/{database}")
    }

    pub async fn connect(&self, database: &str) -> Client {
        connect(&self.url(database)).await
    }
}

/// Connects without TLS and drives the connection in a task.
async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the cluster is up");
    tokio::spawn(connection);
    client
}

/// A database with the demo in it, dropped at the end of the test.
pub struct Database {
    pub cluster: TestCluster,
    pub name: String,
}

impl Database {
    /// A copy of the demo: what `make demo` loads.
    pub async fn demo() -> Self {
        let cluster = TestCluster::from_environment();
        let template = template(&cluster).await;
        let name = format!("test_{}", Uuid::new_v4().simple());
        let control = cluster.connect("postgres").await;
        control
            .batch_execute(&format!("create database {name} template {template}"))
            .await
            .expect("the template can be copied");
        // Rights on a database are not copied with it.
        control.batch_execute(&format!("grant connect on database {name} to rowhouse_app")).await.unwrap();
        Self { cluster, name }
    }

    /// The URL of the request role.
    pub fn app_url(&self) -> String {
        self.cluster.url_as("rowhouse_app", APP_PASSWORD, &self.name)
    }

    /// The superuser's URL.
    pub fn owner_url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// A connection of the superuser, whom no policy binds: to arrange, and to see what is really there.
    pub async fn superuser(&self) -> Client {
        self.cluster.connect(&self.name).await
    }

    /// A connection of the request role.
    pub async fn app(&self) -> Client {
        connect(&self.app_url()).await
    }

    /// Runs SQL as the superuser.
    pub async fn sql(&self, text: &str) {
        self.superuser().await.batch_execute(text).await.expect(text);
    }

    /// Runs DDL as the owner of the schemas, as a migration would.
    pub async fn as_owner(&self, text: &str) {
        self.sql(&format!("set role rowhouse_owner; {text}")).await;
    }

    /// A text that the superuser sees.
    pub async fn text(&self, query: &str) -> String {
        self.superuser().await.query_one(query, &[]).await.expect(query).get(0)
    }

    /// A number that the superuser sees.
    pub async fn count(&self, query: &str) -> i64 {
        self.superuser().await.query_one(query, &[]).await.expect(query).get(0)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // In a thread with a runtime of its own: a drop cannot wait in the test's.
        let (cluster, name) = (self.cluster.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let control = cluster.connect("postgres").await;
                let _ = control.batch_execute(&format!("drop database if exists {name} with (force)")).await;
            });
        });
        let _ = dropping.join();
    }
}

/// The template, made by the first test that needs it; its name says what SQL is in it.
async fn template(cluster: &TestCluster) -> String {
    let mut hasher = DefaultHasher::new();
    hash_folder(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/sql")), &mut hasher);
    let name = format!("demo_{:016x}", hasher.finish());
    let control = cluster.connect("postgres").await;
    control.batch_execute("select pg_advisory_lock(1)").await.unwrap();
    let known =
        control.query_opt("select from pg_database where datname = $1", &[&name]).await.unwrap().is_some();
    if !known {
        let making = format!("{name}_making");
        control.batch_execute(&format!("drop database if exists {making} with (force)")).await.unwrap();
        control.batch_execute(&format!("create database {making}")).await.unwrap();
        let config = Config {
            migrate_url: DatabaseUrl::new(cluster.url(&making)),
            database_url: DatabaseUrl::new(cluster.url_as("rowhouse_app", APP_PASSWORD, &making)),
            ..Config::default()
        };
        rowhouse::db::migrate(&config, true).await.expect("the migrations and the demo run");
        // The runner's session ends in the background, and a database in use cannot be renamed.
        control
            .execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", &[&making])
            .await
            .unwrap();
        let rename = format!("alter database {making} rename to {name}");
        super::eventually("the template is renamed", || async {
            control.batch_execute(&rename).await.is_ok()
        })
        .await;
    }
    control.batch_execute("select pg_advisory_unlock(1)").await.unwrap();
    name
}

fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            hash_folder(&path, hasher);
        } else {
            path.file_name().hash(hasher);
            std::fs::read(&path).unwrap().hash(hasher);
        }
    }
}
