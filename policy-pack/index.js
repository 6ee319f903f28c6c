/** Every rule of pulumi-lxd-access/policy, at its default level. `--policy-pack-config` changes levels and configuration. */
"use strict";
const { PolicyPack } = require("@pulumi/policy");
const { policies } = require("pulumi-lxd-access/policy");

new PolicyPack("lxd-access", { policies });
