//! The dialect over HTTP: what each parameter, preference and header does.
