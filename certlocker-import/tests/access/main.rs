//! Hosts as files that Ansible and OpenSSH read, and certificates that sshd accepts or not.

mod ansible;
#[cfg(feature = "ssh-ca")]
mod certificates;
mod openssh;
mod parsed_back;
mod scene;
mod sshd;
mod tool;
