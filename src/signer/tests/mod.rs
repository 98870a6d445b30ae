mod authority;
mod cms;
mod config;
mod heads;
mod policy;
mod wire;

use authority::{Authority, openssl_accepts, put};
