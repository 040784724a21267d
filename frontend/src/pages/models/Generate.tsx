/** Has a model paint images: how many, of which class, from which seed; the new study is marked synthetic. */

import { Alert, Anchor, Button, Group, NumberInput, Select, Stack, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { startGeneration, useAnalysis } from "../../store/analyses";
import { isOver, useJob } from "../../store/jobs";
import type { ModelVersion } from "../../store/queries";
import { includes, teamOf, useSession } from "../../store/session";
import { JobBadge } from "../../ui/JobBadge";

const MOST = 64;
const MOST_SEED = 2 ** 32 - 1;
const drawnSeed = (): number => Math.floor(Math.random() * MOST_SEED);

export function Generate({ team, version }: { team: string; version: ModelVersion }): ReactNode {
  const { t } = useTranslation();
  const mayRun = useSession((state) => includes(teamOf(state.me, team)?.role, "reader"));
  const [count, setCount] = useState<number | string>(16);
  const [seed, setSeed] = useState<number | string>(drawnSeed);
  const [label, setLabel] = useState("");
  const [id, setId] = useState(() => crypto.randomUUID());
  const start = useMutation({
    mutationFn: () =>
      startGeneration(team, {
        id,
        model: version.model,
        version: version.number,
        parameters: { count: Number(count), seed: Number(seed), ...(label ? { class: label } : {}) },
      }),
  });
  const isGood = within(count, 1, MOST) && within(seed, 0, MOST_SEED);
  if (!mayRun) return null;
  if (start.data) {
    return (
      <Made
        team={team}
        id={start.data.job.id}
        onAgain={() => {
          start.reset();
          setId(crypto.randomUUID());
          setSeed(drawnSeed());
        }}
      />
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isGood) start.mutate();
      }}
    >
      <Stack gap="xs">
        <Title order={5}>{t("generate.title")}</Title>
        <Group grow align="flex-start">
          <NumberInput
            label={t("generate.count")}
            min={1}
            max={MOST}
            allowDecimal={false}
            clampBehavior="none"
            value={count}
            error={within(count, 1, MOST) ? undefined : t("form.outOfBounds", { low: 1, high: MOST })}
            onChange={setCount}
          />
          {version.classes.length > 1 && (
            <Select
              label={t("generate.class")}
              data={version.classes}
              placeholder={t("generate.allClasses")}
              clearable
              value={label || null}
              onChange={(value) => {
                setLabel(value ?? "");
              }}
            />
          )}
          <NumberInput
            label={t("setting.seed.label")}
            min={0}
            max={MOST_SEED}
            allowDecimal={false}
            clampBehavior="none"
            hideControls
            value={seed}
            error={within(seed, 0, MOST_SEED) ? undefined : t("form.outOfBounds", { low: 0, high: MOST_SEED })}
            onChange={setSeed}
          />
        </Group>
        <Text size="xs" c="dimmed">
          {t("generate.hint")}
        </Text>
        {start.error && (
          <Alert color="red" role="alert">
            {start.error.message}
          </Alert>
        )}
        <Group>
          <Button type="submit" loading={start.isPending} disabled={!isGood}>
            {t("generate.start")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

const within = (value: number | string, low: number, high: number): boolean =>
  value !== "" && Number.isInteger(Number(value)) && Number(value) >= low && Number(value) <= high;

function Made({ team, id, onAgain }: { team: string; id: string; onAgain: () => void }): ReactNode {
  const { t } = useTranslation();
  const job = useJob(team, id);
  const analysis = useAnalysis(team, id);
  const { refetch } = analysis;
  const isDone = job.data?.state === "succeeded";
  useEffect(() => {
    if (isDone) void refetch();
  }, [isDone, refetch]);
  const study = analysis.data?.study_instance_uid;
  return (
    <Stack gap="xs">
      <Title order={5}>{t("generate.title")}</Title>
      {job.data && <JobBadge job={job.data} />}
      {job.data?.error_detail && (
        <Alert color="red" role="alert">
          {job.data.error_detail}
        </Alert>
      )}
      {isDone && study && (
        <Alert color="grape">
          {t("generate.done")}{" "}
          <Anchor inherit renderRoot={(props) => <Link {...props} to="/teams/$team/studies/$study" params={{ team, study }} />}>
            {t("generate.open")}
          </Anchor>
        </Alert>
      )}
      {job.data && isOver(job.data) && (
        <Group>
          <Button variant="default" onClick={onAgain}>
            {t("generate.again")}
          </Button>
        </Group>
      )}
    </Stack>
  );
}
