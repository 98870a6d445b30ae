//! PKCS#11 and nothing else.
