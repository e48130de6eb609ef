#!/bin/sh
# Prints the fingerprints of every key here as OpenSSL and OpenSSH compute them, one line for each:
# the file, its form, the fingerprint. `known.txt` is what this printed.
cd "$(dirname "$0")" || exit
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
for key in rsa_*.pem ed25519_*.pem ecdsa_*.pem; do
    cp "$key" "$work/key" && chmod 600 "$work/key"
    case $key in
        ed25519_pkcs8.pem)
            # ssh-keygen does not read this form; the last 32 bytes in DER are the key.
            { printf '\000\000\000\013ssh-ed25519\000\000\000\040'
              openssl pkey -in "$key" -pubout -outform DER | tail -c 32; } | base64 -w 0 |
                sed 's/^/ssh-ed25519 /' >"$work/public" ;;
        *) ssh-keygen -y -f "$work/key" >"$work/public" ;;
    esac
    echo "$key md5-ssh $(ssh-keygen -l -E md5 -f "$work/public" | cut -d' ' -f2)"
    echo "$key sha256-ssh $(ssh-keygen -l -f "$work/public" | cut -d' ' -f2)"
    case $key in rsa_*)
        ssh-keygen -q -p -m PEM -N '' -f "$work/key" >/dev/null
        echo "$key sha1-pkcs8 $(openssl pkcs8 -topk8 -nocrypt -in "$work/key" -outform DER | openssl sha1 -c | sed 's/.* //')"
        echo "$key md5-der $(openssl pkey -in "$work/key" -pubout -outform DER | openssl md5 -c | sed 's/.* //')" ;;
    esac
done
