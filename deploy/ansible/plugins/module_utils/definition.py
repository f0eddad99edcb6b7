# Copyright: octo-tentacle contributors
# Apache License 2.0 (see https://www.apache.org/licenses/LICENSE-2.0)
"""What a Tentacle should be, as a playbook has it. The program knows the keys, and says which is wrong."""
from __future__ import absolute_import, division, print_function
__metaclass__ = type

import json


def definition_options():
    """The options that say what a Tentacle should be."""
    return dict(
        definition=dict(type='dict'),
        src=dict(type='path'),
        space=dict(type='str'),
    )


def given(params):
    """The definition as arguments, and as the text of standard input; nothing where none is given."""
    if params['src'] is not None:
        return ['--file=' + params['src']], None
    if params['definition'] is not None:
        return ['--file=-'], json.dumps(with_numbers(params['definition'], NUMBERS), indent=2)
    return [], None


# Where a definition has numbers. A template in a playbook makes texts of them.
NUMBERS = {
    'pollingConnectionCount': None,
    'listen': {'port': None},
    'pollingProxy': {'port': None},
    'registrations': {'tentacleCommsPort': None},
}


def with_numbers(value, numbers):
    """A part of the definition, with numbers where a number is meant and a text has only digits."""
    if isinstance(value, list):
        return [with_numbers(one, numbers) for one in value]
    if not isinstance(value, dict):
        return value
    made = dict(value)
    for key in numbers:
        if key not in made:
            continue
        if numbers[key]:
            made[key] = with_numbers(made[key], numbers[key])
        elif str(made[key]).isdigit():
            made[key] = int(made[key])
    return made
