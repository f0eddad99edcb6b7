// Package longpath gives Windows paths of more than 260 characters. It is empty elsewhere.
package longpath
