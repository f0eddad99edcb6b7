# Copyright: octo-tentacle contributors
# Apache License 2.0 (see https://www.apache.org/licenses/LICENSE-2.0)
"""What several modules say about their options."""
from __future__ import absolute_import, division, print_function
__metaclass__ = type


class ModuleDocFragment(object):
    """What is the same in the documentation of all modules."""

    DOCUMENTATION = r'''
options:
  executable:
    description: The program octo-tentacle, by its path or its name in the C(PATH) of the host.
    type: str
    default: octo-tentacle
  instance:
    description:
      - Name of the Tentacle instance.
      - By default, the one named Tentacle, or the only one.
    type: str
  config:
    description: Configuration file to use instead of an instance's.
    type: path
  server:
    description:
      - URL of the Octopus Server, as in the browser.
      - By default, what the environment of the host has in C(OCTOPUS_URL).
    type: str
  api_key:
    description:
      - API key for the Octopus Server.
      - It reaches the program in its environment, and is in no log, diff or process list.
    type: str
  api_key_file:
    description: File on the host that contains the API key.
    type: path
  access_token:
    description: Access token for the Octopus Server, instead of an API key. It is kept secret.
    type: str
  ca_file:
    description: File on the host with the CA certificates (PEM) to trust for the web address of the Octopus Server.
    type: path
  validate_certs:
    description: Whether to verify the certificate of the Octopus Server's web address. I(ca_file) is safer than C(false).
    type: bool
    default: true
  timeout:
    description: Time limit for all network requests together, such as C(90s) or C(5m). By default that of the program.
    type: str
requirements:
  - octo-tentacle on the host, which the role octo_tentacle.tentacle.octo_tentacle installs
  - Linux; for Windows see the README
author:
  - octo-tentacle contributors (@octo-tentacle)
'''

    CHANGE = r'''
options:
  allow_unreachable:
    description: Also add addresses at which nothing responds, if one node presents the cluster's certificate.
    type: bool
    default: false
  force:
    description: >-
      Do what is refused because it may be a mistake; which that is, C(octo-tentacle help) says for the command that is run.
    type: bool
    default: false
  wait_healthy:
    description: Wait afterwards until the polled ports accept this Tentacle, and for a health check by the server.
    type: bool
    default: false
  restart:
    description:
      - Whether to restart the Tentacle's service after a change.
      - It is restarted once no deployment runs, and only if it runs.
      - A restart that an earlier run has left is done, which is a change.
    type: bool
    default: true
  restart_wait:
    description: How long to wait for running deployments before the restart, such as C(30m).
    type: str
  restart_splay:
    description: Wait a random time, up to this, before the restart, to spread out the restarts of a fleet.
    type: str
  confirm:
    description: >-
      After the restart, put the old configuration back unless the service stays up for this time, such as C(30s),
      and every polled port that answered before still answers.
    type: str
  backup:
    description: Whether to keep the old configuration as a backup.
    type: bool
    default: true
  reason:
    description: Text to keep with the change in the history, such as a ticket; one line.
    type: str
attributes:
  check_mode:
    description: Everything is checked, what would change is returned, and nothing is changed.
    support: full
  diff_mode:
    description: Shows what changes, or would change.
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: linux
'''
