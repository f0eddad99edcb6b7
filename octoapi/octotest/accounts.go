package octotest

import (
	"encoding/json"
	"net/http"
)

// account is who asks.
type account struct {
	id, username string
	oneSpace     bool // may use the default space, and no other
}

var (
	administrator = account{id: "Users-1", username: Username}
	limited       = account{id: "Users-2", username: "limited", oneSpace: true}
)

// sees says whether a space exists for the account: one in which it may do nothing does not
// (OctopusDeploy/OctopusClients pull request 391).
func (a account) sees(s *space) bool { return s.isDefault || !a.oneSpace }

const (
	sessionCookie = "OctopusIdentificationToken_" + installationID
	csrfCookie    = "Octopus-Csrf-Token_" + installationID
	sessionValue  = "octotest-session-5f1d%2f"
	csrfValue     = "octotest-csrf-77aa%2b%3d"
)

func (c *Cluster) login(w http.ResponseWriter, r *http.Request, body []byte) answer {
	var in struct{ Username, Password string }
	if r.Method != http.MethodPost || json.Unmarshal(body, &in) != nil {
		return failure(http.StatusBadRequest, "There was a problem with your request.")
	}
	if in.Username != Username || in.Password != Password {
		return failure(http.StatusUnauthorized, "Invalid username or password.")
	}
	// As an Octopus Server sends them: the values are URL-encoded, and the header must carry them
	// so.
	w.Header().Add("Set-Cookie", sessionCookie+"="+sessionValue+"; path=/; HttpOnly")
	w.Header().Add("Set-Cookie", csrfCookie+"="+csrfValue+"; path=/")
	return answer{http.StatusOK, object{"Id": administrator.id, "Username": Username}}
}

// authenticate finds out who asks; the answer is 401 or 403 when the request does not carry what
// the server accepts, else nil.
func authenticate(r *http.Request) (account, *answer) {
	switch {
	case r.Header.Get("X-Octopus-ApiKey") == LimitedAPIKey:
		return limited, nil
	case r.Header.Get("X-Octopus-ApiKey") == APIKey, r.Header.Get("Authorization") == "Bearer "+BearerToken:
		return administrator, nil
	}
	session, err := r.Cookie(sessionCookie)
	if err != nil || session.Value != sessionValue {
		a := failure(http.StatusUnauthorized, "You must be logged in to request this resource. Please provide a valid API key or log in.")
		return account{}, &a
	}
	if r.Method != http.MethodGet && r.Header.Get("X-Octopus-Csrf-Token") != csrfValue {
		a := failure(http.StatusForbidden, "A required anti-forgery token was not supplied or was invalid.")
		return account{}, &a
	}
	return administrator, nil
}

func (c *Cluster) user(a account) answer {
	return answer{http.StatusOK, object{"Id": a.id, "Username": a.username, "DisplayName": a.username, "IsService": false,
		"Links": object{"Self": c.link("users/" + a.id), "Spaces": c.link("users/" + a.id + "/spaces")}}}
}

func (c *Cluster) userSpaces(a account) answer {
	var list []object
	for i := range c.store.spaces {
		s := &c.store.spaces[i]
		if !a.sees(s) {
			continue
		}
		o := named(s.id, s.name, s.slug)
		o["IsDefault"] = s.isDefault
		o["Links"] = object{"Self": c.link("spaces/" + s.id), "SpaceHome": c.link(s.id)}
		list = append(list, o)
	}
	return answer{http.StatusOK, list}
}
