package octotest

import "net/http"

// object is a JSON object as the API answers it.
type object = map[string]any

// answer is what the API says to one request.
type answer struct {
	status int
	body   any // encoded as JSON; nil: empty
}

// failure is Octopus's JSON for an error (OctopusClients, Exceptions/OctopusExceptionFactory.cs).
func failure(status int, message string, more ...string) answer {
	body := object{"ErrorMessage": message}
	if len(more) > 0 {
		body["Errors"] = more
	}
	return answer{status, body}
}

func notFound() answer {
	return failure(http.StatusNotFound, "The resource you requested was not found.")
}
