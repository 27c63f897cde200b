// Boost.Asio for the sources of this folder: the only header that includes it, and no header of another folder sees it.
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility> // Boost 1.74 needs it before awaitable.hpp under GCC 12

namespace tandem {

namespace asio = boost::asio;
using AsioError = boost::system::error_code;

} // namespace tandem
