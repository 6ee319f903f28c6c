// Exposes an LXD or Incus server, invites a client into one project and joins it.
//
// The plugin has to be on PATH:      npm install -g pulumi-lxd-access
// Its Java package is made by:       pulumi package add "$(command -v pulumi-resource-lxd-access)"
//                                    and copied by: cp -r sdks/lxd-access/src .
// The server, where it is elsewhere: pulumi config set lxd-access:remote NAME
// Then use what was joined:          pulumi up && LXD_CONF=~/.config/lxd-access-java lxc list java:
package app;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import com.pulumi.resources.CustomResourceOptions;
import java.util.Optional;
import pulumilxd.lxdaccess.ClientCertificate;
import pulumilxd.lxdaccess.HttpsAddress;
import pulumilxd.lxdaccess.HttpsAddressArgs;
import pulumilxd.lxdaccess.Remote;
import pulumilxd.lxdaccess.RemoteArgs;
import pulumilxd.lxdaccess.TrustToken;
import pulumilxd.lxdaccess.TrustTokenArgs;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    private static void stack(Context context) {
        var config = context.config();
        var remoteName = config.get("remoteName").orElse("java");

        // 1. Expose: let the server listen on the network. It is the server of the stack's configuration
        //    (lxd-access:socketPath, lxd-access:address, ...), else the one on this machine.
        var server = new HttpsAddress("server", HttpsAddressArgs.builder()
            .address(config.get("address").orElse("127.0.0.1:8443"))
            .build());

        // 2. Invite: a one-shot token for a client that may use one project and nothing else.
        var invitation = new TrustToken("invitation", TrustTokenArgs.builder()
            .clientName(remoteName)
            .projects(config.get("project").orElse("default"))
            .build(), CustomResourceOptions.builder().dependsOn(server).build());

        // 3. Join: redeem the token with a key of its own, pin the server, and let `lxc` use it as a remote.
        var key = new ClientCertificate("key");
        var remote = new Remote("remote", RemoteArgs.builder()
            .name(remoteName)
            .token(invitation.token().applyValue(Optional::orElseThrow))
            .clientCertificate(key.certificate())
            .clientKey(key.privateKey())
            .configDir(config.get("configDirectory").orElse("~/.config/lxd-access-java"))
            .build());

        context.export("listensOn", server.effectiveAddress());
        context.export("clientFingerprint", remote.clientFingerprint());
        // Secrets: encrypted in the state, shown only by `pulumi stack output --show-secrets`.
        context.export("token", invitation.token());
        context.export("privateKey", key.privateKey());
    }
}
