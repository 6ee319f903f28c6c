// Exposes an LXD or Incus server, invites a client into one project and joins it.
//
// The plugin has to be on PATH:      npm install -g pulumi-lxd-access
// Its Go package is made by:         pulumi package add "$(command -v pulumi-resource-lxd-access)"
// The server, where it is elsewhere: pulumi config set lxd-access:remote NAME
// Then use what was joined:          pulumi up && LXD_CONF=~/.config/lxd-access-go lxc list go:
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"pulumi-lxd-access/sdk/go/lxdaccess"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		settings := config.New(ctx, "")
		setting := func(name, otherwise string) pulumi.String {
			if value := settings.Get(name); value != "" {
				return pulumi.String(value)
			}
			return pulumi.String(otherwise)
		}

		// 1. Expose: let the server listen on the network. It is the server of the stack's configuration
		//    (lxd-access:socketPath, lxd-access:address, ...), else the one on this machine.
		server, err := lxdaccess.NewHttpsAddress(ctx, "server", &lxdaccess.HttpsAddressArgs{
			Address: setting("address", "127.0.0.1:8443"),
		})
		if err != nil {
			return err
		}

		// 2. Invite: a one-shot token for a client that may use one project and nothing else.
		invitation, err := lxdaccess.NewTrustToken(ctx, "invitation", &lxdaccess.TrustTokenArgs{
			ClientName: setting("remoteName", "go"),
			Projects:   pulumi.StringArray{setting("project", "default")},
		}, pulumi.DependsOn([]pulumi.Resource{server}))
		if err != nil {
			return err
		}

		// 3. Join: redeem the token with a key of its own, pin the server, and let `lxc` use it as a remote.
		key, err := lxdaccess.NewClientCertificate(ctx, "key", nil)
		if err != nil {
			return err
		}
		remote, err := lxdaccess.NewRemote(ctx, "remote", &lxdaccess.RemoteArgs{
			Name:              setting("remoteName", "go"),
			Token:             invitation.Token,
			ClientCertificate: key.Certificate,
			ClientKey:         key.PrivateKey,
			ConfigDir:         setting("configDirectory", "~/.config/lxd-access-go"),
		})
		if err != nil {
			return err
		}

		ctx.Export("listensOn", server.EffectiveAddress)
		ctx.Export("clientFingerprint", remote.ClientFingerprint)
		// Secrets: encrypted in the state, shown only by `pulumi stack output --show-secrets`.
		ctx.Export("token", invitation.Token)
		ctx.Export("privateKey", key.PrivateKey)
		return nil
	})
}
