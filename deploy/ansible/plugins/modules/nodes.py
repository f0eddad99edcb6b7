#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: octo-tentacle contributors
# Apache License 2.0 (see https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import absolute_import, division, print_function
__metaclass__ = type

DOCUMENTATION = r'''
module: nodes
short_description: Make a polling Tentacle poll the nodes of an Octopus Server cluster
version_added: 1.0.0
description:
  - Adds or removes addresses that a Tentacle polls, all of them in one change, or none.
  - Every new polling port has to present the cluster's certificate before anything is written.
  - Neither I(server) nor a key is needed. The certificate is then the one that the Tentacle trusts already.
  - A Tentacle that only listens needs no addresses, and is left as it is with I(state=exact).
  - A failure after a change was made, such as a restart that has to wait, has C(changed) set.
options:
  addresses:
    description: Addresses of the nodes' polling ports, such as C(https://octo1.example.com:10943).
    type: list
    elements: str
    required: true
  state:
    description:
      - C(exact) makes the Tentacle poll these addresses, and no others of the cluster (C(sync-servers)).
      - C(present) adds them (C(poll-server)).
      - C(absent) removes those of them that are polled (C(remove-server --if-polled)).
      - With I(server) and a key, C(exact) and C(absent) refuse to poll fewer of the nodes that hand out work than before.
    type: str
    choices: [exact, present, absent]
    default: exact
  thumbprints:
    description:
      - Thumbprints of the cluster, two while its certificate is renewed. Only with I(state=exact).
      - Needed if the Tentacle polls several clusters and no I(server) is given.
    type: list
    elements: str
extends_documentation_fragment:
  - octo_tentacle.tentacle.program
  - octo_tentacle.tentacle.program.change
'''

EXAMPLES = r'''
- name: Poll exactly these three nodes
  octo_tentacle.tentacle.nodes:
    addresses:
      - https://octo1.example.com:10943
      - https://octo2.example.com:10943
      - https://octo3.example.com:10943

- name: Poll a fourth node as well, and spread the restarts of the fleet
  octo_tentacle.tentacle.nodes:
    state: present
    addresses: [https://octo4.example.com:10943]
    restart_splay: 5m

- name: Stop polling a node, unless it still hands out work
  octo_tentacle.tentacle.nodes:
    state: absent
    addresses: [https://octo3.example.com:10943]
    server: https://octopus.example.com
    api_key: "{{ octopus_api_key }}"
    reason: node 3 is retired
'''

RETURN = r'''
outcome:
  description: >-
    What happened. C(unchanged), C(changed), C(would-change) in check mode, C(restart-pending), C(undone) or C(failed).
  returned: if the program printed its result
  type: str
  sample: changed
restart_pending:
  description: Whether the service still uses what was there before the change.
  returned: if the program printed its result
  type: bool
result:
  description: The JSON of the command, as L(docs/json.md,https://github.com/octo-tentacle/octo-tentacle/blob/main/docs/json.md) describes it.
  returned: if the program printed its result
  type: dict
  sample:
    added:
      - address: https://octo2.example.com:10943
        style: TentacleActive
        subscription: poll://g3662re9njtelsyfhm7t/
        thumbprint: 372A34C3A56D6D38CE36CC956A8D3E042C22AF80
    changed: true
    outcome: changed
rc:
  description: Exit code of the program. 3 is a change that is not finished, or not in effect.
  returned: failure
  type: int
'''

import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.octo_tentacle.tentacle.plugins.module_utils.program import EXCLUSIVE, Program, change_options, option


def main():
    module = AnsibleModule(
        argument_spec=dict(
            change_options(),
            addresses=dict(type='list', elements='str', required=True),
            state=dict(type='str', choices=['exact', 'present', 'absent'], default='exact'),
            thumbprints=dict(type='list', elements='str'),
        ),
        mutually_exclusive=EXCLUSIVE,
        supports_check_mode=True,
    )
    params, program = module.params, Program(module)
    if params['thumbprints'] and params['state'] != 'exact':
        module.fail_json(msg='thumbprints are only for state=exact')
    if params['state'] == 'absent':
        given = program.flags('force')
        for name in ('allow_unreachable', 'wait_healthy'):
            if params[name]:
                module.fail_json(msg='%s is not for state=absent' % name)
        program.change('remove-server', ['--if-polled'] + given + addresses(params))
    given = program.flags('allow_unreachable', 'wait_healthy', 'force')
    if params['state'] == 'present':
        program.change('poll-server', given + addresses(params))
    nodes = dict(nodes=params['addresses'])
    if params['thumbprints']:
        nodes['thumbprints'] = params['thumbprints']
    program.change('sync-servers', given + ['--file=-'], text=json.dumps(nodes, indent=1))


def addresses(params):
    """The addresses as options."""
    return [option('server-comms-address', address) for address in params['addresses']]


if __name__ == '__main__':
    main()
