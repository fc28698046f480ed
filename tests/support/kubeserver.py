"""A Kubernetes API server of one node on loopback, as far as kubectl drain and uncordon ask it."""

from __future__ import annotations

import http.server
import json
import re
import threading
import urllib.parse

NAME = "ip-10-0-0-7.eu-west-1.compute.internal"
VERSION = {"major": "1", "minor": "32", "gitVersion": "v1.32.4"}
NODE = f"/api/v1/nodes/{NAME}"
_DAEMON_SET = re.compile(r"/apis/apps/v1/namespaces/shop/daemonsets/web")


def _kind(name, kind, *, namespaced, **more):
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    return {"name": name, "kind": kind, "namespaced": namespaced, "verbs": verbs, **more}


_EVICTION = {"group": "policy", "version": "v1"}
_RESOURCES = {
    "v1": [
        _kind("nodes", "Node", namespaced=False, singularName="node", shortNames=["no"]),
        _kind("pods", "Pod", namespaced=True, singularName="pod", shortNames=["po"]),
        _kind("pods/eviction", "Eviction", namespaced=True, singularName="", **_EVICTION),
    ],
    "apps/v1": [_kind("daemonsets", "DaemonSet", namespaced=True, singularName="daemonset")],
    "policy/v1": [],
}


def _group(name):
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


_DISCOVERY = {
    "/version": VERSION,
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group("apps"), _group("policy")],
    },
    **{
        ("/api/" if version == "v1" else "/apis/") + version: {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": version,
            "resources": resources,
        }
        for version, resources in _RESOURCES.items()
    },
}


def pod(name, owner="ReplicaSet", **spec):
    """Return a pod of namespace `shop` that runs, controlled by an `owner` (None: by nothing)."""
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-of-{name}"}
    if owner:
        controller = {"apiVersion": "apps/v1", "kind": owner, "name": "web", "uid": "uid-of-web"}
        metadata["ownerReferences"] = [{**controller, "controller": True}]
    return {
        "metadata": metadata,
        "spec": {**spec, "nodeName": NAME},
        "status": {"phase": "Running"},
    }


def with_directory(name):
    """Return a pod that keeps data in an emptyDir."""
    return pod(name, volumes=[{"name": "cache", "emptyDir": {}}])


class KubeServer:
    """`changes` are (method, path, body) of what kubectl had changed, `asked` counts all requests.

    `unschedulable`, `boot_id`, `ready` and `managers` (of the field spec.unschedulable) are the
    node's; `pods` what runs on it. Before each time that the node is read the first of `reports` is
    made true. The next `guarded` evictions are against a disruption budget; who is evicted goes at
    once unless it `lingers`. `after` is called with each change. With `is_down` all is an error.
    """

    def __init__(self):
        self.reset()
        kube = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60
            wbufsize = -1  # one packet an answer: the second would wait for the first one's ack

            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                code, answer = kube.serve(self.command, self.path, body)
                text = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815 - http.server's names

            def log_message(self, *_):
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def reset(self):
        self.unschedulable, self.boot_id, self.ready, self.managers = False, "", "True", []
        self.pods, self.reports, self.changes, self.asked = [], [], [], 0
        self.guarded, self.lingers, self.is_down = 0, False, False
        self.after = lambda method, path: None

    def kubeconfig(self, path):
        """Write what leads kubectl here; return the path as text."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "current-context": "c",
        }
        path.write_text(json.dumps(config), encoding="utf-8")
        return str(path)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def serve(self, method, target, body):
        """Return status and body of the answer."""
        path, _, query = target.partition("?")
        self.asked += 1
        if self.is_down:
            return _error(500, "InternalError", "etcdserver: leader changed")
        if method == "GET":
            return self._read(path, urllib.parse.parse_qs(query))
        code, answer = self._change(method, path, json.loads(body))
        self.changes.append((method, path, _told(json.loads(body))))
        self.after(method, path)
        return code, answer

    def _read(self, path, query):
        if path in _DISCOVERY:
            return 200, _DISCOVERY[path]
        if path == NODE:
            for name, value in self.reports.pop(0).items() if self.reports else ():
                setattr(self, name, value)
            return 200, self._node()
        if path == "/api/v1/pods" and query.get("fieldSelector") == [f"spec.nodeName={NAME}"]:
            return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self.pods}
        if _DAEMON_SET.fullmatch(path):
            return 200, {"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": {"name": "web"}}
        found = self._pod(path)
        return (200, {"kind": "Pod", "apiVersion": "v1", **found}) if found else _missing(path)

    def _change(self, method, path, sent):
        if (method, path) == ("PATCH", NODE):
            self.unschedulable = bool(sent["spec"]["unschedulable"])
            return 200, self._node()
        found = self._pod(path, "/eviction")
        if method != "POST" or not found:
            return _missing(path)
        if self.guarded:
            self.guarded -= 1
            why = "Cannot evict pod as it would violate the pod's disruption budget."
            return _error(429, "TooManyRequests", why)
        if not self.lingers:
            self.pods.remove(found)
        return 201, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _pod(self, path, below=""):
        return next((one for one in self.pods if pod_path(one) + below == path), None)

    def _node(self):
        managed = [
            {
                "manager": manager,
                "operation": "Update",
                "apiVersion": "v1",
                "time": at,
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:unschedulable": {}}},
            }
            for manager, at in self.managers
        ]
        kubelet = {"manager": "kubelet", "fieldsV1": {"f:status": {"f:conditions": {}}}}
        return {
            "kind": "Node",
            "apiVersion": "v1",
            "metadata": {"name": NAME, "managedFields": [kubelet, *managed]},
            "spec": {"unschedulable": True} if self.unschedulable else {},
            "status": {
                "conditions": [
                    {"type": "MemoryPressure", "status": "False"},
                    {"type": "Ready", "status": self.ready},
                ],
                "nodeInfo": {"bootID": self.boot_id},
            },
        }


def pod_path(one):
    metadata = one["metadata"]
    return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"


def _missing(path):
    return _error(404, "NotFound", f"{path} not found")


def _error(code, reason, message):
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return code, {**status, "message": message, "reason": reason, "code": code}


def _told(sent):
    """Return what was sent without what the versions of kubectl differ in.

    Evictions are of policy/v1beta1 before 1.22, and what is not set is null or left out.
    """
    metadata = sent.get("metadata", {})
    if metadata:
        kept = {name: value for name, value in metadata.items() if value is not None}
        return {"kind": sent["kind"], "metadata": kept, "deleteOptions": sent["deleteOptions"]}
    return sent
