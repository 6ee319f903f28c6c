"""Exposes an LXD or Incus server, invites a client into one project and joins it.

The plugin has to be on PATH:      npm install -g pulumi-lxd-access
Its Python package is made by:     pulumi package add "$(command -v pulumi-resource-lxd-access)"
The server, where it is elsewhere: pulumi config set lxd-access:remote NAME
Then use what was joined:          pulumi up && LXD_CONF=~/.config/lxd-access-python lxc list python:
"""

import pulumi
import pulumi_lxd_access as lxd_access

config = pulumi.Config()
remote_name = config.get("remoteName") or "python"

# 1. Expose: let the server listen on the network. It is the server of the stack's configuration
#    (lxd-access:socketPath, lxd-access:address, ...), else the one on this machine.
server = lxd_access.HttpsAddress("server", address=config.get("address") or "127.0.0.1:8443")

# 2. Invite: a one-shot token for a client that may use one project and nothing else.
invitation = lxd_access.TrustToken(
    "invitation",
    client_name=remote_name,
    projects=[config.get("project") or "default"],
    opts=pulumi.ResourceOptions(depends_on=[server]),
)

# 3. Join: redeem the token with a key of its own, pin the server, and let `lxc` use it as a remote.
key = lxd_access.ClientCertificate("key")
remote = lxd_access.Remote(
    "remote",
    name=remote_name,
    token=invitation.token,
    client_certificate=key.certificate,
    client_key=key.private_key,
    config_dir=config.get("configDirectory") or "~/.config/lxd-access-python",
)

pulumi.export("listensOn", server.effective_address)
pulumi.export("clientFingerprint", remote.client_fingerprint)
# Secrets: encrypted in the state, shown only by `pulumi stack output --show-secrets`.
pulumi.export("token", invitation.token)
pulumi.export("privateKey", key.private_key)
