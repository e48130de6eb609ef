//! Telnet, where options are refused until only TLS is left.

use super::{Script, Step, refused};
use crate::Failure;

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
const START_TLS: u8 = 46;
const FOLLOWS: u8 = 1;

#[derive(Debug)]
pub(super) struct Telnet;

impl Script for Telnet {
    fn opening(&self) -> Vec<u8> {
        vec![IAC, WILL, START_TLS]
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, Failure> {
        while let Some(start) = buffer.iter().position(|octet| *octet == IAC) {
            buffer.drain(..start);
            let Some(command) = take_command(buffer) else {
                return Ok(Step::More);
            };
            match command[..] {
                [IAC, DO, START_TLS] => {
                    return Ok(Step::Say(vec![IAC, SB, START_TLS, FOLLOWS, IAC, SE]));
                }
                [IAC, DONT, START_TLS] => return Err(refused(&command)),
                [IAC, SB, START_TLS, FOLLOWS, IAC, SE] => return Ok(Step::Begin(Vec::new())),
                [IAC, DO, option] => return Ok(Step::Say(vec![IAC, WONT, option])),
                [IAC, WILL, option] => return Ok(Step::Say(vec![IAC, DONT, option])),
                _ => {}
            }
        }
        // Words for people.
        buffer.clear();
        Ok(Step::More)
    }
}

/// Takes the command at the start of the buffer, if it is whole.
fn take_command(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = match *buffer.get(1)? {
        SB => buffer.windows(2).position(|window| window == [IAC, SE])? + 2,
        DO | DONT | WILL | WONT => 3,
        _ => 2,
    };
    if buffer.len() < length {
        return None;
    }
    let rest = buffer.split_off(length);
    Some(std::mem::replace(buffer, rest))
}
