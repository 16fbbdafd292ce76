CREATE TABLE videos (
	id TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	status TEXT NOT NULL, 
	engine TEXT NOT NULL, 
	request TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	started_at FLOAT, 
	completed_at FLOAT, 
	expires_at FLOAT, 
	attempt INTEGER NOT NULL, 
	turn INTEGER NOT NULL, 
	priority INTEGER NOT NULL, 
	checkpoint TEXT, 
	file TEXT, 
	failure TEXT, 
	made_with TEXT NOT NULL, 
	remixed_from TEXT, 
	metadata JSON NOT NULL, 
	fingerprint TEXT, 
	bytes BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX videos_by_owner ON videos (owner, id);
CREATE INDEX videos_by_status ON videos (status);
CREATE INDEX videos_by_fingerprint ON videos (fingerprint);
CREATE TABLE idempotency_keys (
	owner TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	video_id TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (owner, "key")
);
CREATE TABLE webhooks (
	video_id TEXT NOT NULL, 
	url TEXT NOT NULL, 
	dialect TEXT NOT NULL, 
	events JSON NOT NULL, 
	base_url TEXT NOT NULL, 
	begun BOOLEAN NOT NULL, 
	PRIMARY KEY (video_id, url, dialect)
);
CREATE TABLE deliveries (
	id TEXT NOT NULL, 
	video_id TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	url TEXT NOT NULL, 
	dialect TEXT NOT NULL, 
	event TEXT NOT NULL, 
	body TEXT NOT NULL, 
	state TEXT NOT NULL, 
	turn INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	tries INTEGER NOT NULL, 
	last_status INTEGER, 
	problem TEXT, 
	next_try_at FLOAT, 
	created_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	PRIMARY KEY (id)
);
CREATE INDEX deliveries_by_state ON deliveries (state);
CREATE INDEX deliveries_by_video ON deliveries (video_id);
INSERT INTO videos VALUES ('video_01M8JCXRSTHHEV22JJE9811TWN', '', 'in_progress', 'toy', '{"prompt": "paint", "engine": "toy", "model": "toy", "task": "text-to-video", "width": 64, "height": 64, "num_frames": 4, "fps": 12, "seed": 5, "seed_given": true, "negative_prompt": null, "num_inference_steps": null, "guidance_scale": null, "motion_bucket_id": null, "noise_aug_strength": null, "image": null, "params": {}, "unused": []}', 1795910270.0, 1795910270.0, NULL, 4102444800.0, 1, 0, 0, NULL, NULL, NULL, '{}', NULL, '{"film": "one"}', 'f5', 0);
INSERT INTO videos VALUES ('video_01M8JCXVWZX4CTMFYKGVHZS4XQ', '', 'queued', 'toy', '{"prompt": "paint 2", "engine": "toy", "model": "toy", "task": "text-to-video", "width": 64, "height": 64, "num_frames": 4, "fps": 12, "seed": 1236796173, "seed_given": false, "negative_prompt": null, "num_inference_steps": null, "guidance_scale": null, "motion_bucket_id": null, "noise_aug_strength": null, "image": null, "params": {}, "dropped": []}', 1795910271.0, NULL, NULL, 4102444800.0, 0, 0, 0, NULL, NULL, NULL, '{}', NULL, '{}', NULL, 0);
INSERT INTO videos VALUES ('video_01M8JCXX4WWASZ2F2T0RTKB4HB', '', 'failed', 'toy', '{"prompt": "paint 3", "engine": "toy", "model": "toy", "task": "text-to-video", "width": 64, "height": 64, "num_frames": 4, "fps": 12, "seed": 3588176872, "seed_given": false, "negative_prompt": null, "num_inference_steps": null, "guidance_scale": null, "motion_bucket_id": null, "noise_aug_strength": null, "image": null, "params": {}, "unused": []}', 1795910272.0, 1795910272.0, 1795910273.0, 4102444800.0, 1, 0, 0, NULL, NULL, '{"code": "refused", "message": "No", "details": null, "retry_after": null, "field": null}', '{}', NULL, '{}', NULL, 0);
INSERT INTO idempotency_keys VALUES ('', 'old-key', 'digest', 'video_01M8JCXVWZX4CTMFYKGVHZS4XQ', 4102444000.0);
