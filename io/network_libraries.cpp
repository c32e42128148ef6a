// Asio and Beast, compiled once for the whole house. Nothing of ours belongs in here.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
