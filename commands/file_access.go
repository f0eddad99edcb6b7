package commands

import (
	"context"

	"github.com/octo-tentacle/octo-tentacle/service"
)

// lookAtFileAccess finds out who can read the configuration, and whether the service could still do
// so if not everybody could.
func (s *snapshot) lookAtFileAccess(ctx context.Context) {
	if s.document == nil {
		return
	}
	s.Access.Exposure = s.document.Exposure()
	if len(s.Access.Files) > 0 {
		s.Access.Account, s.Access.Reads = service.Reader(ctx, s.Tentacle.Service, s.Tentacle.Instance.ConfigPath)
	}
}
