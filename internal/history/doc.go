// Package history keeps who changed what on a Tentacle, when and why. Each change is one Entry: a
// line in octo-tentacle.log, in the folder in which Tentacle keeps its own log, and an entry in the
// log of the machine: the journal, else syslog, or the event log of Windows. The lines can be read
// back.
//
// A change that was made is never lost to its log: all errors here are about the log alone.
package history
