//! Many clients on few connections, with everything going wrong at once.
