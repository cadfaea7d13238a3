//! Who is let in, and for which tenant.
