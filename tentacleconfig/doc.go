// Package tentacleconfig reads and writes what is on this machine: the instances of Octopus
// Tentacle, their Tentacle.config, the servers it trusts, its secrets and its certificate. It needs
// no network and prints nothing. Its errors say what went wrong, as values where a caller can do
// something about it; they name no command and no option.
//
// It promises two things about a configuration file. An edit changes the
// setting edited and keeps every other byte: encoding, byte order mark, line
// ends, comments, CDATA, unknown elements, order and indentation. And whatever
// happens while it is saved, a crash included, the file is afterwards either
// the old one or the new one, with its owner, mode, access list and label.
//
// What the settings mean does not depend on where they are. Those of a Kubernetes agent are the
// data of a ConfigMap (FromMap), which others read and write.
//
// The formats are those of Octopus Tentacle 9, read from its published source
// (github.com/OctopusDeploy/OctopusTentacle, below source/Octopus.Tentacle).
package tentacleconfig
