"""Keystone in a folder of its own, with people to be. Lines of JSON in are requests to it as its administrator, answered
by lines of JSON; it ends when there are no more."""

import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer

folder = sys.argv[1]
config = os.path.join(folder, "keystone.conf")
with open(config, "w") as file:
    file.write(f"""[DEFAULT]
log_dir = {folder}
[database]
connection = sqlite:///{folder}/keystone.db
[fernet_tokens]
key_repository = {folder}/fernet
[fernet_receipts]
key_repository = {folder}/receipts
[credential]
key_repository = {folder}/credential
[auth]
methods = password,token,application_credential
[identity]
password_hash_rounds = 4
""")


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = make_server("127.0.0.1", 0, None, server_class=Server, handler_class=Quiet)
url = f"http://127.0.0.1:{server.server_port}/v3"


def manage(*arguments):
    place = os.path.join(os.path.dirname(sys.executable), "keystone-manage")
    command = [place, "--config-file", config, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


manage("db_sync")
for what in ("fernet_setup", "credential_setup", "receipt_setup"):
    user = subprocess.check_output(["id", "-un"], text=True).strip()
    group = subprocess.check_output(["id", "-gn"], text=True).strip()
    manage(what, "--keystone-user", user, "--keystone-group", group)
manage("bootstrap", "--bootstrap-password", "admin-password", "--bootstrap-public-url", url, "--bootstrap-region-id", "RegionOne")

os.environ["OS_KEYSTONE_CONFIG_FILES"] = config
os.environ["OS_KEYSTONE_CONFIG_DIR"] = folder
sys.argv = sys.argv[:1]
from keystone.wsgi.api import application  # noqa: E402

logging.disable(logging.CRITICAL)
server.set_app(application)
threading.Thread(target=server.serve_forever, daemon=True).start()


def call(method, path, body, token):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("X-Auth-Token", token)
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
        return json.loads(text) if text else {}, answer.headers


def token(user, password, project):
    domain = {"id": "default"}
    body = {"auth": {
        "identity": {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}},
        "scope": {"project": {"name": project, "domain": domain}},
    }}
    return call("POST", "/auth/tokens", body, None)[1]["X-Subject-Token"]


print(json.dumps({"url": url}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    try:
        if asked["path"] == "token":
            answer = {"token": token(*asked["body"])}
        elif asked["path"] == "expire":
            # Keystone makes none that has expired, and nobody waits for one to.
            with sqlite3.connect(f"{folder}/keystone.db") as database:
                database.execute("UPDATE application_credential SET expires_at = 1 WHERE id = ?", asked["body"])
            answer = {}
        else:
            own = asked["token"] or token("admin", "admin-password", "admin")
            answer = call(asked["method"], asked["path"], asked["body"], own)[0]
    except urllib.error.HTTPError as error:
        answer = {"failed": error.read().decode()}
    print(json.dumps(answer), flush=True)
shutil.rmtree(folder)
