//! Cancel requests whose effect is over when they are answered.
//!
//! tokio-postgres closes the connection of a cancel request without waiting for the server, which may then signal the
//! backend at any later time: in the middle of the next request's statement. The server closes that connection after it has
//! sent the signal (Postgres manual, 55.2.8), so here, as in libpq, the end of the stream is waited for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::CancelToken;
use tokio_postgres::config::Host;
use tokio_postgres::tls::MakeTlsConnect;

use super::Database;

/// Where tokio-postgres connects when nothing else is said.
const PORT: u16 = 5432;

/// Cancels what runs on the connection of `token`, and returns when the server has signalled it.
///
/// Every configured host is told, because a connection does not say whose it is; one that does not know its key ignores it.
///
/// # Errors
/// Whatever kept the last of the hosts from being told, where none was.
pub(super) async fn cancel(database: &Database, token: &CancelToken) -> io::Result<()> {
    let config = &database.postgres;
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let mut told = Err(io::ErrorKind::NotFound.into());
    for index in 0..hosts.len().max(addresses.len()) {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(PORT);
        let sent = match (hosts.get(index), addresses.get(index)) {
            (Some(Host::Unix(folder)), _) => {
                let path = folder.join(format!(".s.PGSQL.{port}"));
                send(database, token, UnixStream::connect(path).await, "").await
            }
            (Some(Host::Tcp(name)), None) => {
                send(database, token, TcpStream::connect((name.as_str(), port)).await, name).await
            }
            (Some(Host::Tcp(name)), Some(address)) => {
                send(database, token, TcpStream::connect((*address, port)).await, name).await
            }
            (None, Some(address)) => {
                send(database, token, TcpStream::connect((*address, port)).await, "").await
            }
            (None, None) => continue,
        };
        told = told.or(sent);
    }
    told
}

async fn send<S>(
    database: &Database,
    token: &CancelToken,
    stream: io::Result<S>,
    name: &str,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = UntilClosed(stream?);
    let mut tls = database.tls.clone();
    let tls = MakeTlsConnect::<UntilClosed<S>>::make_tls_connect(&mut tls, name).map_err(io::Error::other)?;
    token.cancel_query_raw(stream, tls).await.map_err(io::Error::other)
}

/// A stream whose shutdown is over when the other side has closed it too.
struct UntilClosed<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for UntilClosed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UntilClosed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    /// The writing side stays open: the server closes as soon as it has acted, and a pooler might take a half-closed
    /// connection for a client that is gone.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut scratch = [0; 64];
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer)) {
                Ok(()) if buffer.filled().is_empty() => return Poll::Ready(Ok(())),
                Ok(()) => {}
                // As good as an end: the server is rid of the connection.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}
