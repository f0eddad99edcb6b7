package octotest

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

// packages are those of the built-in feed, by space ID and file name.
type packages map[string][]byte

// Package is what was pushed to the built-in feed of a space under a file name; nil for nothing.
func (c *Cluster) Package(spaceID, file string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pushed[spaceID+"/"+file])
}

// push takes a package, as multipart/form-data (octopus.com/docs, REST API, packages/raw).
func (c *Cluster) push(r *http.Request, spaceID string, body []byte) answer {
	const problem = "There was a problem with your request."
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || err != nil {
		return failure(http.StatusBadRequest, problem, "A package has to be sent as multipart/form-data.")
	}
	part, err := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).NextPart()
	if err != nil || part.FileName() == "" {
		return failure(http.StatusBadRequest, problem, "There is no file in the request.")
	}
	content, err := io.ReadAll(part)
	if err != nil {
		return failure(http.StatusBadRequest, problem, "The package is incomplete.")
	}
	file := part.FileName()
	name := strings.TrimSuffix(file, ".zip")
	id, version, is := cutVersion(name)
	if !is {
		return failure(http.StatusBadRequest, problem, "The name of the file has no version.")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	status := http.StatusCreated
	if _, there := c.pushed[spaceID+"/"+file]; there {
		switch r.URL.Query().Get("overwriteMode") {
		case "IgnoreIfExists":
			status, content = http.StatusOK, c.pushed[spaceID+"/"+file]
		case "OverwriteExisting":
			status = http.StatusCreated
		default:
			return failure(http.StatusConflict, "A package with the same ID and version already exists.")
		}
	}
	if c.pushed == nil {
		c.pushed = packages{}
	}
	c.pushed[spaceID+"/"+file] = content
	return answer{status, object{"Id": "packages-" + name, "PackageId": id, "Version": version, "FileExtension": ".zip", "PackageSizeBytes": len(content)}}
}

// cutVersion takes octo-tentacle.1.2.3 apart.
func cutVersion(name string) (id, version string, is bool) {
	for i := range name {
		if name[i] == '.' && i+1 < len(name) && name[i+1] >= '0' && name[i+1] <= '9' {
			return name[:i], name[i+1:], true
		}
	}
	return "", "", false
}

// runRunbook starts a task for each environment (go-octopusdeploy, RunbookRunResponseV1). It does
// nothing, and succeeds.
func (c *Cluster) runRunbook(r *http.Request, s *space, body []byte) answer {
	var in struct {
		ProjectName, RunbookName string
		EnvironmentNames         []string
	}
	if r.Method != http.MethodPost || json.Unmarshal(body, &in) != nil || in.ProjectName == "" || in.RunbookName == "" || len(in.EnvironmentNames) == 0 {
		return failure(http.StatusBadRequest, "There was a problem with your request.", "A runbook, its project and an environment are needed.")
	}
	started := []object{}
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	for _, environment := range in.EnvironmentNames {
		if _, err := s.idOf("environments", environment); err != nil {
			return failure(http.StatusBadRequest, "There was a problem with your request.", "There is no environment "+environment+".")
		}
		t := c.tasks.add(healthCheck{spaceID: s.id, node: c.tasks.nextNode(), state: "Queued", started: c.now(), runbook: in.RunbookName})
		started = append(started, object{"RunbookRunId": "RunbookRuns-" + strings.TrimPrefix(t.id, "ServerTasks-"), "ServerTaskId": t.id})
	}
	return answer{http.StatusCreated, object{"RunbookRunServerTasks": started}}
}
