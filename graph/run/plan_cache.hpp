#pragma once

#include <memory>

#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/schedule.hpp>

namespace xgrad::run {

/// The plan for a schedule: the one that this thread has made for a schedule of the same structure, if there is one.
std::shared_ptr<const Plan> find_plan(const Schedule& schedule);

}  // namespace xgrad::run
